//! Fields that more than one request has.

use std::convert::Infallible;

use contract::text::from_text;
use contract::{Currency, Money};
use serde::{Deserialize, Deserializer, Serialize};

/// The most pictures of a hotel or room type.
pub(super) const PICTURES_MAX: usize = 30;
/// The longest URL of a picture, in bytes.
const URL_BYTES_MAX: usize = 2_000;

/// The URL of a picture: http or https, with a host, without a user, in ASCII.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct PictureUrl(String);

impl PictureUrl {
    fn parse(text: &str) -> Option<Self> {
        // Characters that RFC 3986 wants encoded, and that could end an attribute of a web page.
        let plain =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`');
        if text.len() > URL_BYTES_MAX || !text.bytes().all(plain) {
            return None;
        }
        let url: axum::http::Uri = text.parse().ok()?;
        let web = matches!(url.scheme_str(), Some("http" | "https"));
        let authority = url.authority()?;
        (web && !authority.host().is_empty() && !authority.as_str().contains('@'))
            .then(|| Self(text.to_owned()))
    }
}

impl utoipa::PartialSchema for PictureUrl {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::Custom("uri".to_owned())))
            .max_length(Some(URL_BYTES_MAX))
            .examples(["https://images.example.com/front.jpg"])
            .into()
    }
}

impl utoipa::ToSchema for PictureUrl {}

impl<'de> Deserialize<'de> for PictureUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const WRONG: &str = "a picture is an http or https URL of at most 2000 ASCII characters, such as \
                             https://images.example.com/front.jpg";
        let read = |text: &str| Self::parse(text).ok_or(WRONG);
        from_text(deserializer, "the URL of a picture", read)
    }
}

/// URLs as the database stores them.
pub(super) fn urls(pictures: Vec<PictureUrl>) -> Vec<String> {
    pictures.into_iter().map(|picture| picture.0).collect()
}

/// An amount of money as a client writes it. Read in two steps, so that a bad amount has a code of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a price such as {\"amount\": \"129.00\", \"currency\": \"EUR\"}"
)]
pub(super) struct AmountText {
    #[serde(deserialize_with = "amount")]
    amount: String,
    #[serde(deserialize_with = "currency")]
    currency: String,
}

fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let what = "an amount as text such as \"129.00\"";
    from_text(deserializer, what, |text| Ok::<_, Infallible>(text.to_owned()))
}

fn currency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    from_text(deserializer, "a currency such as EUR", |text| {
        Ok::<_, Infallible>(text.to_owned())
    })
}

impl AmountText {
    /// The amount, if it is one of this currency; else a sentence that says why not.
    pub(super) fn in_currency(&self, wanted: Currency) -> Result<Money, String> {
        let currency: Currency = self
            .currency
            .parse()
            .map_err(|why| format!("Not a currency: {why}."))?;
        if currency != wanted {
            return Err(format!("This hotel's prices are in {wanted}, not in {currency}."));
        }
        Money::parse(&self.amount, wanted).map_err(|why| format!("Not an amount of {wanted}: {why}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_web_address_is_a_picture() {
        for good in [
            "https://images.example.com/a.jpg",
            "http://10.0.0.1:8080/a?b=c%20d",
            "https://x.example",
        ] {
            assert!(PictureUrl::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
            "ftp://example.com/a",
            "//example.com/a.jpg",
            "/a.jpg",
            "https://",
            "https:///a.jpg",
            "https://user:secret@example.com/",
            "https://example.com/a b.jpg",
            "https://example.com/\"onload=x",
            "https://example.com/<script>",
            "https://example.com/\u{0}",
            "https://exämple.com/",
        ] {
            assert!(PictureUrl::parse(bad).is_none(), "{bad:?}");
        }
        assert!(PictureUrl::parse(&format!("https://example.com/{}", "a".repeat(2_000))).is_none());
    }
}
