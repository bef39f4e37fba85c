//! What is to be priced: rooms that are alike, or room by room.

use contract::line::{self, LINES_MAX, Line};
use contract::number::within_or_none;
use contract::quote::Party;
use contract::{HotelId, RatePlanId, RoomTypeId, StayDate};
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
    /// On which terms.
    pub(super) rate_plan_id: RatePlanId,
    /// The day of arrival at the hotel, from today up to 730 days ahead.
    check_in: StayDate,
    /// The day of departure, 1 to 30 nights later.
    check_out: StayDate,
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
    /// guests. All of them are booked, or none.
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
    /// Who stays in this room.
    party: Party,
}

/// What is to be priced.
pub(super) struct Wanted {
    /// All rooms together.
    pub(super) ask: Ask,
    /// Who stays in them.
    pub(super) party: Party,
    /// Room by room.
    pub(super) lines: Vec<Line>,
    /// Whether it was asked for room by room, so that this is where its mistakes are.
    by_line: bool,
}

impl CreateQuote {
    /// What can be said without looking anything up.
    pub(super) fn check(&self) -> Result<Wanted, Problem> {
        let stay = rules::dates::stay(self.check_in, self.check_out)
            .map_err(|blocked| refused(blocked, At::Whole))?;
        let line = |room_type_id, party| Line {
            room_type_id,
            rate_plan_id: self.rate_plan_id,
            stay,
            party,
        };
        let by_line = !self.lines.is_empty();
        let (lines, party, rooms) = if by_line {
            let lines: Vec<Line> = self
                .by_line()?
                .map(|wanted| line(wanted.room_type_id, wanted.party))
                .collect();
            let rooms = u16::try_from(lines.len()).unwrap_or(u16::MAX);
            let together = line::together(&lines);
            (lines, together, rooms)
        } else {
            let (room_type_id, party, rooms) = self.alike()?;
            (line(room_type_id, party).alike(rooms), party, rooms)
        };
        let ask = Ask::new(stay, rooms, party);
        let whole = if by_line { At::Lines } else { At::Whole };
        let ask = ask.map_err(|blocked| refused(blocked, whole))?;
        Ok(Wanted {
            ask,
            party,
            lines,
            by_line,
        })
    }

    fn by_line(&self) -> Result<impl Iterator<Item = &WantedLine>, Problem> {
        if self.room_type_id.is_some() || self.rooms.is_some() || self.party.is_some() {
            let detail =
                "Say either room_type_id, rooms and party, for rooms that are alike, or lines, room by room.";
            return Err(Problem::invalid_field("/lines", detail));
        }
        if self.lines.len() > usize::from(LINES_MAX) {
            let detail = format!("A booking has at most {LINES_MAX} lines; book the rest as a second one.");
            return Err(Problem::invalid_field("/lines", detail));
        }
        Ok(self.lines.iter())
    }

    fn alike(&self) -> Result<(RoomTypeId, Party, u16), Problem> {
        let missing = |field: &str| {
            let detail = format!(
                "The field {field} is missing; say room_type_id, rooms and party, or lines, room by room."
            );
            Problem::invalid_field(&format!("/{field}"), detail)
        };
        Ok((
            self.room_type_id.ok_or_else(|| missing("room_type_id"))?,
            self.party.ok_or_else(|| missing("party"))?,
            self.rooms.ok_or_else(|| missing("rooms"))?,
        ))
    }
}

impl Wanted {
    /// The field that names the room type of this line.
    pub(super) fn room_type_at(&self, line: usize) -> String {
        if self.by_line {
            format!("/lines/{line}/room_type_id")
        } else {
            "/room_type_id".to_owned()
        }
    }

    /// Why this line, or all lines where they were not asked for one by one, cannot be sold.
    pub(super) fn refused(&self, line: usize, blocked: Blocked) -> Problem {
        refused(blocked, if self.by_line { At::Line(line) } else { At::Whole })
    }

    /// What the rules are asked, line by line: rooms that are alike are asked for together.
    pub(super) fn asks(&self) -> Vec<(Line, Ask)> {
        let Some(first) = self.lines.first() else {
            return Vec::new();
        };
        if !self.by_line {
            return vec![(*first, self.ask)];
        }
        let each = self.lines.iter().map(|line| {
            let ask = Ask {
                rooms: 1,
                party: Some(line.party),
                ..self.ask
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
    /// In this line.
    Line(usize),
}

impl At {
    /// The field that says this of all rooms, or the one that says it here.
    fn field(self, of_all: &str) -> String {
        match self {
            Self::Lines if of_all == "/rooms" || of_all.starts_with("/party") => "/lines".to_owned(),
            Self::Line(_) if of_all == "/rooms" => "/lines".to_owned(),
            Self::Line(line) if of_all.starts_with("/party") => format!("/lines/{line}{of_all}"),
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
