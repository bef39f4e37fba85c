"""What schemathesis cannot read out of the document: how dates and ids look, and which refusals are fair."""

import datetime

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode

TODAY = datetime.date.today()

# Problems that what fits the document may still meet: rules between fields, between the request and the clock, and
# between the request and what is stored. `invalid_field` and `malformed_json` are not among them.
RULES = {
    "card_data_refused", "csrf_refused", "duplicate_night", "empty_range", "filter_missing", "idempotency_key_reused",
    "insecure_origin", "invalid_amount", "invalid_cursor", "invalid_quote", "invalid_signature", "invalid_stay",
    "night_in_past", "not_permitted", "nothing_to_set", "party_differs", "party_too_large", "party_too_small", "range_too_long",
    "reason_required", "sign_in_refused",
    "stay_in_past", "stay_too_far_ahead", "stay_too_long", "too_far_ahead", "too_many_nights", "total_required",
    "unknown_time_zone",
}
# Fields with a form that their schema only names: a text in which something can be seen, an address, a telephone number, a percentage, a currency that
# exists, how many taxes have one name, hotels of a kind of people that has some, the step of a verb that is about one, what
# a quote is to say once or in each of its lines.
LOOSE = ("/guest/name", "/name", "/address", "/time_zone", "/description", "/reason", "/beds/", "/amenities/", "type",
         "/guest/email", "/guest/phone", "guest_email", "/cancellation_policy/penalty", "/currency", "/pictures/",
         "/taxes/", "/nights/", "/hotels", "/step", "to", "/room_type_id", "/rate_plan_id", "/check_in", "/check_out", "/rooms",
         "/party", "/lines")

schemathesis.openapi.format(
    "date", st.integers(0, 400).map(lambda days: (TODAY + datetime.timedelta(days)).isoformat())
)
schemathesis.openapi.format("uuid", st.uuids(version=4).map(str))
schemathesis.openapi.format(
    "uri", st.from_regex(r"https?://[a-z0-9]{1,20}\.example(/[A-Za-z0-9._~%-]{0,20}){0,3}", fullmatch=True)
)


@schemathesis.check
def refused_only_by_a_rule(ctx, response, case):
    """A request that fits the document is refused by a rule that the document names, never as badly written."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    if not 400 <= response.status_code < 500 or response.status_code in (404, 405, 409):
        return
    problem = response.json()
    pointer = problem.get("pointer") or ""
    # To JSON Schema 1.0 is an integer; here an integer is written without a point.
    if "a number with a point or an exponent was sent" in problem["detail"]:
        return
    fair = problem["code"] in RULES or any(pointer.startswith(loose) for loose in LOOSE)
    assert fair, f"fits the document, and is refused as {problem['code']} at {pointer!r}: {problem['detail']}"


@schemathesis.check
def says_nothing_of_the_inside(ctx, response, case):
    """No problem has a word of the database's or of the code's."""
    if response.status_code < 400:
        return
    text = response.text.lower()
    for word in ("postgres", "sqlx", "relation \"", "violates", "duplicate key value", "panicked", ".rs:"):
        assert word not in text, f"the answer says {word!r}"
