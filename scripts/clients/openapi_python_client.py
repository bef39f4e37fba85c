"""A journey by the client that openapi-python-client made, for each kind of penalty: every answer is read by its types."""

import sys
import time
import uuid
from datetime import date, timedelta

from bellhop_attrs import AuthenticatedClient
from bellhop_attrs import models as m
from bellhop_attrs.api.availability import get_availability
from bellhop_attrs.api.hotels import create_hotel, create_quote, create_rate_plan, create_room_type, list_rate_plans, set_prices
from bellhop_attrs.api.inventory import set_inventory
from bellhop_attrs.api.payments import get_payment
from bellhop_attrs.api.reservations import (
    cancel_reservation, cancellation_quote, create_reservation, get_reservation, list_reservations, look_up_reservation,
    reservation_history,
)
from bellhop_attrs.api.sagas import get_saga

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2], timeout=60)
first = date.today() + timedelta(days=40)
last = first + timedelta(days=2)


def euros(amount):
    return m.Money(amount=amount, currency="EUR")


def ask(operation, *arguments, **named):
    answer = operation.sync_detailed(*arguments, client=client, **named)
    assert answer.status_code < 300, answer
    return answer


def until(look):
    """What is seen in time: a search answers from a cache that follows a moment later."""
    for _ in range(300):
        if seen := look():
            return seen
        time.sleep(0.1)
    raise AssertionError("nothing was found for 30 s")


def journey(penalty):
    hotel = ask(create_hotel, body=m.CreateHotel(
        name="Pensão", address="Rua 1", time_zone="Europe/Lisbon", currency="EUR",
        taxes=[m.Tax(name="VAT", percent="6.00")])).parsed
    of = hotel.hotel_id
    room = ask(create_room_type, of, body=m.CreateRoomType(name="Double", beds=["double"], adults_max=2, children_max=0)).parsed
    policy = m.CancellationPolicy(penalty=penalty)
    plan = ask(create_rate_plan, of, body=m.CreateRatePlan(name="Plan", cancellation_policy=policy)).parsed
    assert plan.cancellation_policy == policy, plan
    nights = [m.PriceOfNight(night=first + timedelta(days=at), price=euros("100.00")) for at in range(2)]
    ask(set_prices, of, body=m.SetPrices(room_type_id=room.room_type_id, rate_plan_id=plan.rate_plan_id, nights=nights))
    ask(set_inventory, of, room.room_type_id, body=m.SetInventory(from_=first, to=last, total=3))
    assert [row.hotel_id for row in ask(list_rate_plans, of).parsed.items] == [of]
    found = until(lambda: ask(get_availability, of, check_in=first, check_out=last, adults=2).parsed.room_types)
    rate = found[0].rates[0]
    quote = ask(create_quote, body=m.CreateQuote(
        hotel_id=of, room_type_id=room.room_type_id, rate_plan_id=rate.rate_plan_id, check_in=first, check_out=last,
        rooms=1, party=m.Party(adults=2))).parsed
    assert rate.total_before_taxes == quote.total_before_taxes == euros("200.00") and quote.total == euros("212.00"), quote
    wish = m.NewReservation(quote_token=quote.quote_token, party=m.Party(adults=2), payment_method="pm_ok",
                            guest=m.NewGuest(name="Ana Sousa", email=f"ana.{uuid.uuid4().hex}@example.com"))
    named = {"body": wish, "idempotency_key": str(quote.quote_id), "prefer": "wait=30"}
    booked = ask(create_reservation, **named)
    assert booked.status_code == 201 and booked.parsed.state == m.ReservationState.CONFIRMED, booked
    again = ask(create_reservation, **named)
    assert again.headers["Idempotent-Replayed"] == "true" and again.parsed == booked.parsed, again
    stay = ask(get_reservation, booked.parsed.reservation_id).parsed
    assert booked.headers["Location"].endswith(str(stay.reservation_id)) and stay.cancellation_policy.penalty == penalty, stay
    listed = ask(list_reservations, hotel_id=of).parsed.items
    assert [row.reservation_id for row in listed] == [stay.reservation_id]
    found = ask(look_up_reservation, body=m.LookUp(code=stay.code, email=stay.guest.email)).parsed
    assert found.reservation_id == stay.reservation_id, found
    guest = AuthenticatedClient(base_url=sys.argv[1], token=found.guest_link.token, timeout=60)
    cost = cancellation_quote.sync_detailed(stay.reservation_id, client=guest).parsed
    gone = ask(cancel_reservation, stay.reservation_id, prefer="wait=30").parsed
    assert gone.state == m.ReservationState.CANCELLED and (gone.penalty, gone.refund) == (cost.penalty, cost.refund), gone
    states = [row.state.value for row in ask(reservation_history, stay.reservation_id).parsed.items]
    assert states == ["pending", "confirmed", "cancelling", "cancelled"], states
    payment = ask(get_payment, stay.payment_id).parsed
    assert payment.captured == euros("212.00") and payment.movements[0].kind == m.MovementKind.CAPTURE, payment
    saga = ask(get_saga, stay.saga_id).parsed
    assert saga.state == m.SagaState.COMPLETED and all(isinstance(line.what, m.SagaLineWhat) for line in saga.journal), saga
    return cost.penalty.amount


kinds = m.PenaltyKind
penalties = [m.Penalty(kind=kinds.FIRST_NIGHT), m.Penalty(kind=kinds.PERCENT, percent=50), m.Penalty(kind=kinds.FULL)]
print("openapi-python-client:", [journey(penalty) for penalty in penalties])
