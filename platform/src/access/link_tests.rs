//! A link opens what it says until it ends, and no other text opens anything.

use proptest::prelude::*;

use super::super::seal::check_sum;
use super::*;

fn links(text: &str) -> Links {
    let link_secret = text.parse().unwrap();
    LinkConfig { link_secret }.links().unwrap()
}

fn one() -> String {
    format!("1:{}", "p".repeat(32))
}

fn two() -> String {
    format!("2:{}", "q".repeat(32))
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn link() -> Link {
    Link {
        reservation: Uuid::from_u128(0x0193_6f5e_7d5c_7c3a_9a44_0d3f_6a1b_2c4d),
        number: 3,
        ends_at: at(1_800_000_000),
    }
}

/// The same text with a check sum that fits it.
fn summed(text: &str) -> String {
    let (sealed, _) = text.rsplit_once('_').unwrap();
    format!("{sealed}_{}", check_sum(sealed))
}

#[test]
fn a_link_is_read_until_it_ends() {
    let ours = links(&one());
    let text = ours.write(&link());
    assert!(
        text.starts_with("bhl_1_1_01936f5e7d5c7c3a9a440d3f6a1b2c4d_3_1800000000_"),
        "{text}"
    );
    assert_eq!(text, ours.write(&link()), "the same each time");
    assert_eq!(ours.read(&text, at(1_799_999_999)), Ok(link()));
    assert_eq!(ours.read(&text, at(1_800_000_000)), Err(NoLink::Ended));
}

#[test]
fn a_link_is_good_while_its_secret_is_in_the_ring() {
    let (old, now) = (links(&one()), at(0));
    let text = old.write(&link());
    let both = links(&format!("{},{}", two(), one()));
    assert_eq!(both.read(&text, now), Ok(link()));
    assert!(both.write(&link()).starts_with("bhl_1_2_"), "the first makes");
    assert_eq!(links(&two()).read(&text, now), Err(NoLink::Wrong));
    // Another secret under the same id, and the same secret under another.
    let others = format!("1:{}", "r".repeat(32));
    assert_eq!(links(&others).read(&text, now), Err(NoLink::Wrong));
    let renamed = summed(&text.replacen("bhl_1_1_", "bhl_1_2_", 1));
    let same = format!("2:{}", "p".repeat(32));
    assert_eq!(links(&same).read(&renamed, now), Err(NoLink::Wrong));
}

#[test]
fn what_a_link_says_cannot_be_changed_and_nobody_learns_that_it_had_ended() {
    let ours = links(&one());
    let text = ours.write(&link());
    for (from, to) in [
        ("_3_", "_4_"),
        ("_3_", "_03_"),
        ("_3_", "_+3_"),
        ("_1800000000_", "_1800000001_"),
        ("2c4d_", "2c4e_"),
        ("_1800000000_", "_0_"),
        ("bhl_1_", "bhl_2_"),
        ("bhl_1_", "bhk_1_"),
    ] {
        let changed = summed(&text.replacen(from, to, 1));
        assert_ne!(changed, text);
        assert_eq!(ours.read(&changed, at(0)), Err(NoLink::Wrong), "{changed}");
    }
    for wrong in ["", "bhl_", "_", "bhl_1_1_x_3_0_00_00000000", &text.to_uppercase()] {
        assert_eq!(ours.read(wrong, at(0)), Err(NoLink::Wrong), "{wrong}");
    }
}

#[test]
fn links_have_a_secret_of_their_own_or_the_platform_does_not_start() {
    let link_secret = "short".parse().unwrap();
    let said = LinkConfig { link_secret }.links().unwrap_err().to_string();
    assert!(said.contains("BELLHOP_LINK_SECRET"), "{said}");
    let link_secret = one().parse().unwrap();
    assert!(!format!("{:?}", LinkConfig { link_secret }).contains("pppp"));
}

fn any_link() -> impl Strategy<Value = Link> {
    // To the year 9999.
    (any::<u128>(), 1_i32.., 0_i64..253_402_300_800).prop_map(|(id, number, end)| Link {
        reservation: Uuid::from_u128(id),
        number,
        ends_at: at(end),
    })
}

proptest! {
    #[test]
    fn every_link_is_read_as_it_was_written(link in any_link()) {
        let ours = links(&one());
        let before = at(link.ends_at.timestamp() - 1);
        prop_assert_eq!(ours.read(&ours.write(&link), before), Ok(link));
        prop_assert_eq!(ours.read(&ours.write(&link), link.ends_at), Err(NoLink::Ended));
    }

    #[test]
    fn no_changed_byte_is_read_whether_or_not_the_check_sum_fits(
        link in any_link(), at_byte in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let ours = links(&one());
        let text = ours.write(&link);
        let mut changed = text.clone().into_bytes();
        let place = at_byte.index(changed.len());
        changed[place] = byte;
        let Ok(changed) = String::from_utf8(changed) else { return Ok(()) };
        prop_assume!(changed != text);
        let now = at(0);
        prop_assert_eq!(ours.read(&changed, now), Err(NoLink::Wrong));
        if place < text.len() - 9 {
            prop_assert_eq!(ours.read(&summed(&changed), now), Err(NoLink::Wrong));
        }
        prop_assert_eq!(ours.read(&text[..place], now), Err(NoLink::Wrong));
    }
}
