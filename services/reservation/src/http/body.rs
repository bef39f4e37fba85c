//! Reading a body in which card data may be hidden: such a body is refused as a whole, and nothing of it is
//! kept or logged. A guest pays with a token that the payment provider gave out.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use platform::http::{Problem, StrictJson};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::{Grammar, carries_card_number};

/// The one field that is not looked into: it is signed by the platform, and random text.
const SIGNED: &str = "quote_token";

/// A JSON body without card data.
#[derive(Debug)]
pub(super) struct CardFreeJson<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for CardFreeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = Request::from_parts(parts.clone(), body);
        let Ok(bytes) = Bytes::from_request(body, state).await else {
            return Err(unreadable());
        };
        if let Ok(value) = serde_json::from_slice(&bytes)
            && let Some(pointer) = card_in(&value, String::new())
        {
            return Err(Problem::invalid(
                "card_data_refused",
                &pointer,
                "The body carries what looks like a card number. Card data are never sent here: \
                 send the payment provider's token for the card as payment_method.",
            ));
        }
        let request = Request::from_parts(parts, Body::from(bytes));
        let StrictJson(body) = StrictJson::from_request(request, state).await?;
        Ok(Self(body))
    }
}

fn unreadable() -> Problem {
    let limit = platform::http::BODY_BYTES_MAX;
    let detail = format!("The body has more than {limit} bytes or ended early.");
    Problem::new(
        axum::http::StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        detail,
    )
}

/// Which numbers belong into a field.
fn grammar_of(pointer: &str) -> Grammar {
    match pointer {
        "/guest/phone" => Grammar::Phone,
        "/guest/email" => Grammar::Email,
        _ => Grammar::Free,
    }
}

/// The pointer to a card number.
fn card_in(value: &Value, pointer: String) -> Option<String> {
    match value {
        Value::String(text) => carries_card_number(text, grammar_of(&pointer)).then_some(pointer),
        Value::Number(number) => carries_card_number(&number.to_string(), Grammar::Free).then_some(pointer),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(at, item)| card_in(item, format!("{pointer}/{at}"))),
        Value::Object(fields) => fields.iter().find_map(|(name, field)| {
            if carries_card_number(name, Grammar::Free) {
                return Some(pointer.clone());
            }
            let signed = pointer.is_empty() && name == SIGNED;
            let name = name.replace('~', "~0").replace('/', "~1");
            (!signed).then(|| card_in(field, format!("{pointer}/{name}")))?
        }),
        Value::Null | Value::Bool(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn card_data_are_found_anywhere_but_in_the_signed_token() {
        let card = "4111 1111 1111 1111";
        for (body, pointer) in [
            (json!({"guest": {"name": card}}), Some("/guest/name")),
            (json!({"a/b": [1, card]}), Some("/a~1b/1")),
            (json!({"number": 4_111_111_111_111_111_u64}), Some("/number")),
            (json!({"4111111111111111": true}), Some("")),
            (
                json!({"guest": {"quote_token": card}}),
                Some("/guest/quote_token"),
            ),
            (json!({"quote_token": card}), None),
            (json!({"guest": {"phone": card}}), Some("/guest/phone")),
            (
                json!({"guest": {"email": "4111111111111111@example.com"}}),
                Some("/guest/email"),
            ),
            (json!({"guest": {"phone": "0049 151 23456787"}}), None),
            (json!({"guest": {"email": "1234567890128@qq.com"}}), None),
            (json!({"phone": "4222222222222"}), Some("/phone")),
            (
                json!({"note": [{"card": "４１１１ １１１１ １１１１ １１１１"}]}),
                Some("/note/0/card"),
            ),
            (json!({"number": 4.111_111_111_111_111e15}), Some("/number")),
            (json!({"payment_method": "pm_ok"}), None),
        ] {
            assert_eq!(card_in(&body, String::new()).as_deref(), pointer, "{body}");
        }
    }
}
