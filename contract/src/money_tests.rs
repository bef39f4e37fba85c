//! What is money, how it is written, and what comes of adding it up.

use proptest::prelude::*;

use super::*;

fn eur() -> Currency {
    "EUR".parse().unwrap()
}

#[test]
fn only_the_exact_form_is_an_amount() {
    assert_eq!(Money::parse("12.50", eur()).unwrap().minor(), 1250);
    assert_eq!(Money::parse("0.00", eur()).unwrap().minor(), 0);
    for bad in [
        "", "1", "1.5", "1.500", "01.50", "1e5", "1_000.00", " 1.00", "-0.00", "+1.00", "NaN", ".50", "1.",
    ] {
        assert_eq!(Money::parse(bad, eur()), Err(MoneyError::Amount(2)), "{bad:?}");
    }
    assert_eq!(Money::parse("99999999999.00", eur()), Err(MoneyError::Range));
    for bad in ["1.50", "1.", "."] {
        assert_eq!(
            Money::parse(bad, "JPY".parse().unwrap()),
            Err(MoneyError::Amount(0)),
            "{bad}"
        );
    }
    assert_eq!(
        Money::parse("1250", "JPY".parse().unwrap()).unwrap().minor(),
        1250
    );
    assert_eq!(
        Money::parse("1.500", "KWD".parse().unwrap()).unwrap().minor(),
        1500
    );
}

#[test]
fn only_money_has_a_currency() {
    for bad in ["eur", "EURO", "XXX", "", "XAU"] {
        assert_eq!(bad.parse::<Currency>(), Err(MoneyError::Currency), "{bad}");
    }
}

/// The currencies of list one of ISO 4217 that are somewhere paid with, as of amendment 180 (2026-01-01).
const IN_USE: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN \
    BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF \
    GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR \
    LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK \
    PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT \
    TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

#[test]
fn of_all_codes_only_todays_money_is_in_use() {
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(|one| {
        letters().flat_map(move |two| letters().map(move |three| format!("{one}{two}{three}")))
    });
    let in_use: Vec<String> = codes
        .filter(|code| code.parse::<Currency>().is_ok_and(|known| known.in_use().is_ok()))
        .collect();
    assert_eq!(in_use, IN_USE.split_ascii_whitespace().collect::<Vec<_>>());
}

/// The currencies of list one that have no decimals, and those that have three; all others have two.
const NO_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";

#[test]
fn an_amount_has_the_decimals_of_its_own_currency() {
    let is_in = |list: &str, code: &str| list.split_ascii_whitespace().any(|known| known == code);
    for code in IN_USE.split_ascii_whitespace() {
        let currency: Currency = code.parse().unwrap();
        let (digits, written) = match code {
            code if is_in(NO_DECIMALS, code) => (0, "1234567"),
            code if is_in(THREE_DECIMALS, code) => (3, "1234.567"),
            _ => (2, "12345.67"),
        };
        assert_eq!(currency.digits(), digits, "{code}");
        let money = Money::parse(written, currency).unwrap();
        assert_eq!(
            (money.minor(), money.amount().as_str()),
            (1_234_567, written),
            "{code}"
        );
        for other in ["1234567", "12345.67", "1234.567"] {
            let is_one = Money::parse(other, currency).is_ok();
            assert_eq!(is_one, other == written, "{other} {code}");
        }
    }
}

#[test]
fn money_of_former_times_is_read_and_not_in_use() {
    for (code, why) in [
        ("HRK", "HRK has been withdrawn; EUR has taken its place"),
        ("BGN", "BGN has been withdrawn; EUR has taken its place"),
        ("ZWL", "ZWL has been withdrawn; ZWG has taken its place"),
        ("SLL", "SLL has been withdrawn; SLE has taken its place"),
        ("CUC", "CUC has been withdrawn; CUP has taken its place"),
        (
            "CHE",
            "CHE is a fund or a unit of account, which no guest pays in; choose a currency such as EUR",
        ),
    ] {
        let money: Money =
            serde_json::from_str(&format!(r#"{{"amount":"1.50","currency":"{code}"}}"#)).unwrap();
        assert_eq!(money.minor(), 150);
        assert_eq!(money.currency().in_use().unwrap_err().to_string(), why);
    }
}

#[test]
fn currencies_never_mix() {
    let yen = Money::from_minor(1, "JPY".parse().unwrap()).unwrap();
    for (one, other) in [(Money::zero(eur()), yen), (yen, Money::zero(eur()))] {
        assert_eq!(one.plus(other), Err(MoneyError::Mixed));
        assert_eq!(one.minus(other), Err(MoneyError::Mixed));
        assert_eq!(one.least(other), Err(MoneyError::Mixed));
    }
}

#[test]
fn people_read_the_amount_with_its_currency() {
    let money = Money::from_minor(1_205, eur()).unwrap();
    assert_eq!(format!("{money}, {money:?}"), "12.05 EUR, 12.05 EUR");
    let yen: Currency = "JPY".parse().unwrap();
    assert_eq!(format!("{yen}, {yen:?}"), "JPY, JPY");
}

#[test]
fn the_document_describes_the_currency_of_an_amount() {
    let mut schemas = Vec::new();
    <Money as ToSchema>::schemas(&mut schemas);
    assert!(schemas.iter().any(|(name, _)| name == "Currency"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(minor in 0..=MINOR_MAX, code in prop::sample::select(vec!["EUR", "JPY", "KWD", "USD"])) {
        let money = Money::from_minor(minor, code.parse().unwrap()).unwrap();
        prop_assert_eq!(Money::parse(&money.amount(), money.currency()).unwrap(), money);
        let json = serde_json::to_string(&money).unwrap();
        prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
    }

    #[test]
    fn nothing_is_lost_or_made_in_a_sum(one in 0..=MINOR_MAX, other in 0..=MINOR_MAX, count in 0_u32..2_000) {
        let money = |minor| Money::from_minor(minor, eur());
        let (a, b) = (money(one).unwrap(), money(other).unwrap());
        prop_assert_eq!(a.plus(b), money(one + other));
        prop_assert_eq!(a.minus(b), money(one - other));
        prop_assert_eq!(a.least(b), money(one.min(other)));
        prop_assert_eq!(a.times(count), money(one.saturating_mul(i64::from(count))));
        if let Ok(sum) = a.plus(b) {
            prop_assert_eq!(sum.minus(b), Ok(a));
        }
    }
}
