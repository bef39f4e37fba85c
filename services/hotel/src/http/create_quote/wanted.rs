//! What is to be priced: rooms that are alike, or room by room.

use contract::line::{self, LINES_MAX, Line};
use contract::number::within_or_none;
use contract::quote::Party;
use contract::{HotelId, RatePlanId, RoomTypeId, Stay, StayDate};
use platform::http::{Common, Problem};
use rules::limits::ROOMS_MAX;
use rules::{Ask, Blocked};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stay to price: `room_type_id`, `rooms` and `party` for rooms that are alike, or `lines`, room by room.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct CreateQuote {
    /// Where.
    pub(super) hotel_id: HotelId,
    /// What, for rooms that are alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room_type_id: Option<RoomTypeId>,
    /// On which terms. Left out only where each of the `lines` has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate_plan_id: Option<RatePlanId>,
    /// The day of arrival at the hotel, from today up to 730 days ahead. Left out only where each of the `lines` has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check_in: Option<StayDate>,
    /// The day of departure, 1 to 30 nights later. Left out only where each of the `lines` has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check_out: Option<StayDate>,
    /// How many rooms, for rooms that are alike.
    #[serde(
        default,
        deserialize_with = "within_or_none::<1, ROOMS_MAX, _, _>",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(minimum = 1, maximum = 9, example = 1)]
    rooms: Option<u16>,
    /// Who stays, in all rooms together; at least one adult in each room. For rooms that are alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    party: Option<Party>,
    /// Room by room, instead of `room_type_id`, `rooms` and `party`: 1 to 9 rooms, each of its own type with its own
    /// guests, and with dates and a rate plan of its own where it names them. All of them are booked, or none. From the first
    /// arrival to the last departure there are 30 nights at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 9)]
    lines: Vec<WantedLine>,
}

/// One room to price.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct WantedLine {
    /// What.
    room_type_id: RoomTypeId,
    /// On which terms, if not on those of the booking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate_plan_id: Option<RatePlanId>,
    /// The day of arrival, if it is not that of the booking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check_in: Option<StayDate>,
    /// The day of departure, if it is not that of the booking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check_out: Option<StayDate>,
    /// Who stays in this room.
    party: Party,
}

/// What is to be priced.
pub(super) struct Wanted {
    /// All rooms together, from the first arrival to the last departure.
    pub(super) ask: Ask,
    /// Who stays in them.
    pub(super) party: Party,
    /// Room by room.
    pub(super) lines: Vec<Line>,
    /// Where the mistakes of each line are; nowhere, if rooms that are alike were asked for.
    written: Vec<At>,
}

impl CreateQuote {
    /// What can be said without looking anything up.
    pub(super) fn check(&self) -> Result<Wanted, Problem> {
        let by_line = !self.lines.is_empty();
        let (lines, written, party) = if by_line {
            let (lines, written) = self.by_line()?;
            let party = line::together(&lines);
            (lines, written, party)
        } else {
            let (lines, party) = self.alike()?;
            (lines, Vec::new(), party)
        };
        let whole = if by_line { At::Lines } else { At::Whole };
        let blocked = |blocked| refused(blocked, whole);
        let (first, last) = line::span(&lines).ok_or_else(|| missing("lines"))?;
        let stay = rules::dates::stay(first, last).map_err(blocked)?;
        let rooms = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let ask = Ask::new(stay, rooms, party).map_err(blocked)?;
        Ok(Wanted {
            ask,
            party,
            lines,
            written,
        })
    }

    fn by_line(&self) -> Result<(Vec<Line>, Vec<At>), Problem> {
        if self.room_type_id.is_some() || self.rooms.is_some() || self.party.is_some() {
            let detail =
                "Say either room_type_id, rooms and party, for rooms that are alike, or lines, room by room.";
            return Err(Problem::invalid_field("/lines", detail));
        }
        if self.lines.len() > usize::from(LINES_MAX) {
            let detail = format!("A booking has at most {LINES_MAX} lines; book the rest as a second one.");
            return Err(Problem::invalid_field("/lines", detail));
        }
        let line = |(line, wanted): (usize, &WantedLine)| {
            let written = At::Line {
                line,
                rate_plan: wanted.rate_plan_id.is_some(),
                check_in: wanted.check_in.is_some(),
                check_out: wanted.check_out.is_some(),
            };
            let dates = (
                wanted.check_in.or(self.check_in),
                wanted.check_out.or(self.check_out),
            );
            let of = Line {
                room_type_id: wanted.room_type_id,
                rate_plan_id: plan(wanted.rate_plan_id.or(self.rate_plan_id))?,
                stay: stay(dates, written)?,
                party: wanted.party,
            };
            Ok((of, written))
        };
        let lines: Vec<(Line, At)> = self
            .lines
            .iter()
            .enumerate()
            .map(line)
            .collect::<Result<_, Problem>>()?;
        Ok(lines.into_iter().unzip())
    }

    fn alike(&self) -> Result<(Vec<Line>, Party), Problem> {
        let stay = stay((self.check_in, self.check_out), At::Whole)?;
        let room_type_id = self.room_type_id.ok_or_else(|| missing("room_type_id"))?;
        let party = self.party.ok_or_else(|| missing("party"))?;
        let rooms = self.rooms.ok_or_else(|| missing("rooms"))?;
        let whole = Line {
            room_type_id,
            rate_plan_id: plan(self.rate_plan_id)?,
            stay,
            party,
        };
        Ok((whole.alike(rooms), party))
    }
}

fn plan(rate_plan_id: Option<RatePlanId>) -> Result<RatePlanId, Problem> {
    rate_plan_id.ok_or_else(|| missing_once("rate_plan_id"))
}

fn stay(dates: (Option<StayDate>, Option<StayDate>), written: At) -> Result<Stay, Problem> {
    let check_in = dates.0.ok_or_else(|| missing_once("check_in"))?;
    let check_out = dates.1.ok_or_else(|| missing_once("check_out"))?;
    rules::dates::stay(check_in, check_out).map_err(|blocked| refused(blocked, written))
}

fn missing(field: &str) -> Problem {
    let detail =
        format!("The field {field} is missing; say room_type_id, rooms and party, or lines, room by room.");
    Problem::invalid_field(&format!("/{field}"), detail)
}

fn missing_once(field: &str) -> Problem {
    let detail = format!("The field {field} is missing; say it once for all rooms, or in each of the lines.");
    Problem::invalid_field(&format!("/{field}"), detail)
}

impl Wanted {
    /// The field that names the room type of this line.
    pub(super) fn room_type_at(&self, line: usize) -> String {
        if self.written.is_empty() {
            "/room_type_id".to_owned()
        } else {
            format!("/lines/{line}/room_type_id")
        }
    }

    /// The field that names the rate plan of this line.
    pub(super) fn rate_plan_at(&self, line: usize) -> String {
        self.at(line).field("/rate_plan_id")
    }

    /// Why this line, or all lines where they were not asked for one by one, cannot be sold.
    pub(super) fn refused(&self, line: usize, blocked: Blocked) -> Problem {
        refused(blocked, self.at(line))
    }

    fn at(&self, line: usize) -> At {
        self.written.get(line).copied().unwrap_or(At::Whole)
    }

    /// What the rules are asked, line by line: rooms that are alike are asked for together.
    pub(super) fn asks(&self) -> Vec<(Line, Ask)> {
        let Some(first) = self.lines.first() else {
            return Vec::new();
        };
        if self.written.is_empty() {
            return vec![(*first, self.ask)];
        }
        let each = self.lines.iter().map(|line| {
            let ask = Ask {
                stay: line.stay,
                rooms: 1,
                party: Some(line.party),
            };
            (*line, ask)
        });
        each.collect()
    }
}

/// Where what was asked for is written.
#[derive(Debug, Clone, Copy)]
enum At {
    /// In fields for all rooms.
    Whole,
    /// In all lines together.
    Lines,
    /// In this line, as far as it says what could be said of all rooms.
    Line {
        line: usize,
        rate_plan: bool,
        check_in: bool,
        check_out: bool,
    },
}

impl At {
    /// The field that says this of all rooms, or the one that says it here.
    fn field(self, of_all: &str) -> String {
        let dates = ["/check_in", "/check_out"];
        match self {
            Self::Lines if of_all == "/rooms" || of_all.starts_with("/party") || dates.contains(&of_all) => {
                "/lines".to_owned()
            }
            Self::Line { .. } if of_all == "/rooms" => "/lines".to_owned(),
            Self::Line {
                line,
                rate_plan,
                check_in,
                check_out,
            } if of_all.starts_with("/party")
                || (rate_plan && of_all == "/rate_plan_id")
                || (check_in && of_all == "/check_in")
                || (check_out && of_all == "/check_out") =>
            {
                format!("/lines/{line}{of_all}")
            }
            _ => of_all.to_owned(),
        }
    }
}

/// At the field that has to change, where it is one: else another night may do.
fn refused(blocked: Blocked, at: At) -> Problem {
    let problem = blocked.tell(Problem::refused, |detail| {
        Problem::new(Common::InvalidField, detail)
    });
    match blocked.field() {
        Some(field) => problem.at(&at.field(field.pointer())),
        None => problem,
    }
}
