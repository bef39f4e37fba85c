//! Card numbers have no place here: a guest pays with a token that the payment provider gave out.

/// The fewest digits of a card number (ISO/IEC 7812).
const DIGITS_MIN: usize = 13;
/// The most digits of a card number.
const DIGITS_MAX: usize = 19;
/// The most digits of a telephone number in the international form, which begins with `+`.
const PHONE_DIGITS_MAX: usize = 15;

/// Whether the text carries what can be a card number: 13 to 19 digits, single spaces or hyphens between
/// them, that pass Luhn's check. A telephone number written in the international form (`+` and at most 15
/// digits) is none, or every tenth guest with a long number could not book.
pub(crate) fn carries_card_number(text: &str) -> bool {
    let mut run = Run::default();
    for letter in text.chars() {
        match letter {
            '0'..='9' => run.digit(letter),
            ' ' | '-' if run.may_go_on() => run.separated = true,
            _ => {
                if run.is_card_number() {
                    return true;
                }
                run = Run {
                    international: letter == '+',
                    ..Run::default()
                };
            }
        }
    }
    run.is_card_number()
}

/// Digits that belong together.
#[derive(Default)]
struct Run {
    digits: Vec<u32>,
    separated: bool,
    international: bool,
}

impl Run {
    fn digit(&mut self, letter: char) {
        self.digits.extend(letter.to_digit(10));
        self.separated = false;
    }

    fn may_go_on(&self) -> bool {
        !self.digits.is_empty() && !self.separated
    }

    fn is_card_number(&self) -> bool {
        let count = self.digits.len();
        let phone = self.international && count <= PHONE_DIGITS_MAX;
        (DIGITS_MIN..=DIGITS_MAX).contains(&count) && !phone && luhn(&self.digits)
    }
}

fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match at % 2 {
            0 => *digit,
            _ if *digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn card_numbers_are_found_however_they_are_written() {
        for card in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "pay with 378282246310005, please",
            "pm_4222222222222",
            "+4111111111111111",
            "6011000990139424001",
        ] {
            let luhn_valid = card != "6011000990139424001";
            assert_eq!(carries_card_number(card), luhn_valid, "{card}");
        }
    }

    #[test]
    fn what_guests_write_is_no_card_number() {
        for text in [
            "Ana Sousa",
            "4111111111111112",
            "+49 176 12345678",
            "+351910000000007",
            "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d",
            "0000000000000000",
            "41111111 and 11111111",
            "12345678901234567890",
        ] {
            assert!(!carries_card_number(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_number_with_its_check_digit_is_found(body in prop::collection::vec(0_u32..10, 12..=18), before in "[a-z ]{0,5}x") {
            prop_assume!(body.iter().any(|digit| *digit > 0));
            let check = (0..10).find(|check| luhn(&[body.as_slice(), &[*check]].concat())).unwrap();
            let digits: String = body.iter().chain([&check]).map(ToString::to_string).collect();
            let text = format!("{before}{digits}");
            prop_assert!(carries_card_number(&text));
        }
    }
}
