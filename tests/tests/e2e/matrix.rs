//! Who may do what: every operation of the document, asked by everybody there is, about a hotel of their own, another's
//! and none. What must come of it follows from `x-who-may`, which the document has from the rows of the operations.

mod who;

use platform::access::{Kind, ServiceIdentity, ServiceTokens};
use platform::token::TokenConfig;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Browser, Client, Hotel, Platform};

use who::{Credential, MEMBER_SECRET, Who, ask, everybody, limited};

/// What the gate says to whom it does not let in.
const OF_THE_GATE: [&str; 3] = ["credential_missing", "credential_invalid", "not_permitted"];
/// Operations that look at no credential: their own is a signature or a link.
const UNREAD: [&str; 2] = ["webhook", "create_session"];
const NOBODY: &str = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";

/// An operation as the document has it.
struct Operation {
    method: Method,
    path: String,
    name: String,
    may: Vec<Kind>,
}

impl Operation {
    fn admits(&self, kind: Kind) -> bool {
        self.is_for_anyone() || self.may.iter().any(|least| kind.is_at_least(*least))
    }

    fn is_for_anyone(&self) -> bool {
        self.may.contains(&Kind::Anyone)
    }

    /// Whether it is about the things of somebody, which others do not see.
    fn is_about_things(&self) -> bool {
        self.path.contains('{') || self.name == "list_reservations"
    }
}

async fn operations(platform: &Platform) -> Vec<Operation> {
    let document = platform.get("/openapi.json").await.json;
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let may = operation["x-who-may"].as_array().unwrap().iter();
            all.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                name: operation["operationId"].as_str().unwrap().to_owned(),
                may: may
                    .map(|word| Kind::of(word.as_str().unwrap()).unwrap())
                    .collect(),
            });
        }
    }
    all
}

/// The things of a hotel that operations are about.
struct Things {
    hotel: String,
    room_type: String,
    rate_plan: String,
    reservation: String,
    code: String,
    payment: String,
    saga: String,
}

impl Things {
    /// Those of a hotel, and a booking there by whoever has this key.
    async fn of(platform: &Platform, hotel: &Hotel, key: &str) -> Self {
        let quote = hotel.quote(platform, 3, 1, 1).await;
        let booked = hotel.book_by(platform, &quote, "pm_ok", key).await;
        assert_eq!(booked.status, 201, "{}", booked.json);
        Self {
            hotel: hotel.hotel_id.clone(),
            room_type: hotel.room_type_id.clone(),
            rate_plan: hotel.rate_plan_id.clone(),
            reservation: booked.text("/reservation_id").to_owned(),
            code: booked.text("/code").to_owned(),
            payment: booked.text("/payment_id").to_owned(),
            saga: booked.text("/saga_id").to_owned(),
        }
    }

    fn absent() -> Self {
        let nobody = || NOBODY.to_owned();
        Self {
            hotel: nobody(),
            room_type: nobody(),
            rate_plan: nobody(),
            reservation: nobody(),
            code: nobody(),
            payment: nobody(),
            saga: nobody(),
        }
    }

    fn path(&self, operation: &Operation, hotel: &Hotel) -> String {
        let path = operation.path.replace("{hotel_id}", &self.hotel);
        let path = path.replace("{room_type_id}", &self.room_type);
        let path = path.replace("{rate_plan_id}", &self.rate_plan);
        let path = path.replace("{reservation_id}", &self.reservation);
        let path = path.replace("{payment_id}", &self.payment);
        let path = path.replace("{saga_id}", &self.saga);
        let path = path.replace("{verb}", "pause").replace("{seq}", "1");
        let path = [
            "{verb_id}",
            "{rule_id}",
            "{principal_id}",
            "{key_id}",
            "{session_id}",
        ]
        .iter()
        .fold(path, |path, id| path.replace(id, NOBODY));
        match operation.name.as_str() {
            "get_inventory" => format!("{path}?from={}&to={}", hotel.night(3), hotel.night(4)),
            "list_reservations" => format!("{path}?hotel_id={}", self.hotel),
            _ => path,
        }
    }

    /// What is sent: what would be done where it is a hotel's own business, and nothing useful elsewhere.
    fn body(&self, operation: &Operation, hotel: &Hotel) -> Value {
        match operation.name.as_str() {
            "create_room_type" => {
                json!({"name": "Single", "beds": ["single"], "adults_max": 1, "children_max": 0})
            }
            "create_rate_plan" => {
                json!({"name": "Full", "cancellation_policy": {"penalty": {"kind": "full"}}})
            }
            "set_prices" => json!({
                "room_type_id": self.room_type, "rate_plan_id": self.rate_plan,
                "nights": [{"night": hotel.night(5), "price": {"amount": "90.00", "currency": "EUR"}}],
            }),
            "set_inventory" => json!({"from": hotel.night(59), "to": hotel.night(60), "total": 3}),
            _ if [Method::GET, Method::DELETE].contains(&operation.method) => Value::Null,
            _ => json!({}),
        }
    }
}

fn code(answer: &Answer) -> &str {
    answer.text("/code")
}

/// Whether the answer is what the row says, for somebody who is or is not admitted.
fn wrong(operation: &Operation, who: &Who, answer: &Answer) -> Option<String> {
    let (status, code) = (answer.status.as_u16(), code(answer));
    let right = match who.kind {
        kind if operation.admits(kind) => !OF_THE_GATE.contains(&code),
        Kind::Anyone => (status, code) == (401, "credential_missing"),
        _ => (status, code) == (403, "not_permitted"),
    };
    (!right).then(|| format!("{} by {}: {status} {code}", operation.name, who.kind))
}

/// Of a hotel's things, somebody of one hotel has their own, and of reservations a guest theirs; another's are as what is
/// not there.
fn leaks(operation: &Operation, who: &Who, [own, foreign, absent]: [&Answer; 3]) -> Option<String> {
    let told = |answer: &Answer| (answer.status.as_u16(), answer.json.clone());
    if operation.name == "list_reservations" {
        let rows = |answer: &Answer| answer.json["items"].as_array().map(Vec::len);
        // The desk sees what guests have booked, too.
        let seen = if who.kind == Kind::Staff { 2 } else { 1 };
        let right = rows(own) == Some(seen) && rows(foreign) == Some(0) && told(foreign) == told(absent);
        return (!right).then(|| format!("{}: {:?}, {:?}", operation.name, told(own), told(foreign)));
    }
    let right = own.status.is_success() && foreign.status == 404 && told(foreign) == told(absent);
    (!right).then(|| {
        format!(
            "{}: own {:?}, another's {:?}, none {:?}",
            operation.name,
            told(own),
            told(foreign),
            told(absent)
        )
    })
}

/// A booking in a partner's hotel that it did not make is as one that is not there.
fn anothers(operation: &Operation, others: &Answer, absent: &Answer) -> Option<String> {
    let told = |answer: &Answer| (answer.status.as_u16(), answer.json.clone());
    let right = others.status == 404 && told(others) == told(absent);
    (!right).then(|| format!("{}: another's booking {:?}", operation.name, told(others)))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_may_what_the_rows_say_and_sees_what_is_theirs_alone() {
    let mut platform = Platform::migrated();
    platform.set("BELLHOP_MEMBER_SECRET", MEMBER_SECRET);
    platform.run("all");
    platform.ready().await;
    let (own, foreign) = (
        Hotel::create(&platform, 3).await,
        Hotel::create(&platform, 3).await,
    );
    let client = platform.client();
    let seller = limited(&platform, Kind::Partner, &own).await;
    let sold_by = seller.key();
    let things = [
        Things::of(&platform, &own, sold_by).await,
        Things::of(&platform, &foreign, sold_by).await,
        Things::absent(),
    ];
    let others = Things::of(&platform, &own, "").await;
    let everybody = everybody(&platform, &own, seller).await;
    let (mut asked, mut scoped, mut sold, mut faults) = (0, 0, 0, Vec::new());
    for operation in operations(&platform).await {
        for who in &everybody {
            let mut answers = Vec::new();
            for of in &things {
                let (path, body) = (of.path(&operation, &own), of.body(&operation, &own));
                let by = who.credential(&platform, &things[0], &operation).await;
                let answer = ask(&client, operation.method.clone(), &path, &body, &by).await;
                faults.extend(wrong(&operation, who, &answer));
                answers.push(answer);
                asked += 1;
            }
            if who.limited
                && operation.admits(who.kind)
                && !operation.is_for_anyone()
                && operation.is_about_things()
            {
                faults.extend(leaks(&operation, who, [&answers[0], &answers[1], &answers[2]]));
                scoped += 1;
            }
            if who.kind == Kind::Partner && operation.path.contains("{reservation_id}") {
                let (path, body) = (others.path(&operation, &own), others.body(&operation, &own));
                let answer = ask(&client, operation.method.clone(), &path, &body, &who.credential).await;
                faults.extend(anothers(&operation, &answer, &answers[2]));
                sold += 1;
            }
        }
        faults.extend(unknown(&client, &operation, &things[0], &own).await);
        faults.extend(service(&client, &operation, &things[0], &own).await);
        faults.extend(forged(&client, &operation, &things[0], (&own, &everybody)).await);
        asked += 3;
    }
    assert!(
        faults.is_empty(),
        "{} of {asked}:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert!(
        asked > 2_000 && scoped == 40 && sold == 10,
        "{asked} {scoped} {sold}"
    );
}

/// A key that nobody has is refused everywhere.
async fn unknown(client: &Client, operation: &Operation, of: &Things, hotel: &Hotel) -> Option<String> {
    let key = platform::access::ApiKey::make(NOBODY.parse().unwrap())
        .unwrap()
        .reveal();
    let (path, body) = (of.path(operation, hotel), of.body(operation, hotel));
    let by = Credential::Bearer(key);
    let answer = ask(client, operation.method.clone(), &path, &body, &by).await;
    let told = (answer.status.as_u16(), code(&answer));
    if UNREAD.contains(&operation.name.as_str()) {
        return (told.1 == "credential_invalid").then(|| format!("{} reads keys", operation.name));
    }
    (told != (401, "credential_invalid")).then(|| format!("{} by nobody's key: {told:?}", operation.name))
}

/// What changes something is refused to a session that does not send its token, whoever has it.
async fn forged(
    client: &Client,
    operation: &Operation,
    of: &Things,
    (hotel, everybody): (&Hotel, &[Who]),
) -> Option<String> {
    if operation.method == Method::GET || UNREAD.contains(&operation.name.as_str()) {
        return None;
    }
    let admins = everybody.iter().filter(|who| who.kind == Kind::Admin);
    let mut sessions = admins.filter_map(|who| match &who.credential {
        Credential::Session(browser) => Some(browser),
        _ => None,
    });
    let without = Credential::Session(Browser {
        token: String::new(),
        ..sessions.next().unwrap().clone()
    });
    let (path, body) = (of.path(operation, hotel), of.body(operation, hotel));
    let answer = ask(client, operation.method.clone(), &path, &body, &without).await;
    let told = (answer.status.as_u16(), code(&answer));
    (told != (403, "csrf_refused")).then(|| format!("{} without a token: {told:?}", operation.name))
}

/// A service has what is for services, by a token for that operation alone.
async fn service(client: &Client, operation: &Operation, of: &Things, hotel: &Hotel) -> Option<String> {
    let token_secret = tests::TOKEN_SECRET.parse().unwrap();
    let tokens = ServiceTokens::new(&TokenConfig { token_secret }).unwrap();
    let identity = ServiceIdentity::new(tokens, "matrix", platform::Clock::system());
    let named: String = operation.name.split('_').map(capital).collect();
    let token = identity.authorization(&named).replace("Bearer ", "");
    let (path, body) = (of.path(operation, hotel), of.body(operation, hotel));
    let by = Credential::Bearer(token);
    let answer = ask(client, operation.method.clone(), &path, &body, &by).await;
    let who = Who {
        kind: Kind::Service,
        credential: by,
        limited: false,
    };
    // The type of its row is called otherwise.
    if operation.name == "webhook" {
        return None;
    }
    wrong(operation, &who, &answer)
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}
