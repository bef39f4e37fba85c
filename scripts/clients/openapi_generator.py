"""A journey by the client that openapi-generator made (Python), for each kind of penalty: every answer is read by its types."""

import sys
import time
import uuid
from datetime import date, timedelta

import bellhop_client as b

api = b.ApiClient(b.Configuration(host=sys.argv[1], access_token=sys.argv[2]))
hotels, inventory, search = b.HotelsApi(api), b.InventoryApi(api), b.AvailabilityApi(api)
bookings, payments, sagas = b.ReservationsApi(api), b.PaymentsApi(api), b.SagasApi(api)
first = date.today() + timedelta(days=40)
last = first + timedelta(days=2)


def euros(amount):
    return b.Money(amount=amount, currency="EUR")


def header(answer, name):
    """This client gives the headers in a plain dict, in the letters in which they came."""
    return {key.lower(): value for key, value in answer.headers.items()}[name.lower()]


def until(look):
    """What is seen in time: a search answers from a cache that follows a moment later."""
    for _ in range(300):
        if seen := look():
            return seen
        time.sleep(0.1)
    raise AssertionError("nothing was found for 30 s")


def journey(penalty):
    hotel = hotels.create_hotel(create_hotel=b.CreateHotel(
        name="Pensão", address="Rua 1", time_zone="Europe/Lisbon", currency="EUR",
        taxes=[b.Tax(name="VAT", percent="6.00")]))
    room = hotels.create_room_type(hotel.hotel_id, b.CreateRoomType(name="Double", beds=["double"], adults_max=2, children_max=0))
    policy = b.CancellationPolicy(penalty=penalty)
    plan = hotels.create_rate_plan(hotel.hotel_id, b.CreateRatePlan(name="Plan", cancellation_policy=policy))
    assert plan.cancellation_policy == policy, plan
    nights = [b.PriceOfNight(night=first + timedelta(days=at), price=euros("100.00")) for at in range(2)]
    hotels.set_prices(hotel.hotel_id, b.SetPrices(room_type_id=room.room_type_id, rate_plan_id=plan.rate_plan_id, nights=nights))
    inventory.set_inventory(hotel.hotel_id, room.room_type_id, b.SetInventory(**{"from": first, "to": last, "total": 3}))
    assert [row.hotel_id for row in hotels.list_rate_plans(hotel.hotel_id).items] == [hotel.hotel_id]
    found = until(lambda: search.get_availability(hotel.hotel_id, first, last, 2).room_types)
    rate = found[0].rates[0]
    quote = hotels.create_quote(b.CreateQuote(
        hotel_id=hotel.hotel_id, room_type_id=room.room_type_id, rate_plan_id=rate.rate_plan_id, check_in=first,
        check_out=last, rooms=1, party=b.Party(adults=2)))
    assert rate.total_before_taxes == quote.total_before_taxes == euros("200.00") and quote.total == euros("212.00"), quote
    assert quote.cancellation_policy.penalty == penalty, quote
    wish = b.NewReservation(quote_token=quote.quote_token, party=b.Party(adults=2), payment_method="pm_ok",
                            guest=b.NewGuest(name="Ana Sousa", email=f"ana.{uuid.uuid4().hex}@example.com"))
    key = str(quote.quote_id)
    booked = bookings.create_reservation_with_http_info(key, wish, prefer="wait=30")
    assert booked.status_code == 201 and booked.data.state == "confirmed", booked
    location = header(booked, "Location")
    again = bookings.create_reservation_with_http_info(key, wish, prefer="wait=30")
    assert header(again, "Idempotent-Replayed") == "true" and again.data == booked.data, again
    stay = bookings.get_reservation(booked.data.reservation_id)
    assert location.endswith(str(stay.reservation_id)) and stay.cancellation_policy.penalty == penalty, stay
    assert stay.reservation_id in [row.reservation_id for row in bookings.list_reservations(hotel_id=hotel.hotel_id).items]
    found = bookings.look_up_reservation(b.LookUp(code=stay.code, email=stay.guest.email))
    assert found.reservation_id == stay.reservation_id, found
    guest = b.ReservationsApi(b.ApiClient(b.Configuration(host=sys.argv[1], access_token=found.guest_link.token)))
    cost = guest.cancellation_quote(stay.reservation_id)
    gone = guest.cancel_reservation(stay.reservation_id, prefer="wait=30")
    assert gone.state == "cancelled" and (gone.penalty, gone.refund) == (cost.penalty, cost.refund), (gone, cost)
    states = [row.state for row in bookings.reservation_history(stay.reservation_id).items]
    assert states == ["pending", "confirmed", "cancelling", "cancelled"], states
    payment = payments.get_payment(stay.payment_id)
    assert payment.captured == euros("212.00") and payment.movements[0].kind == "capture", payment
    saga = sagas.get_saga(stay.saga_id)
    assert saga.state == "completed" and {line.what for line in saga.journal} == {"opened", "done"}, saga
    return cost.penalty.amount


penalties = [b.Penalty(kind="first_night"), b.Penalty(kind="percent", percent=50), b.Penalty(kind="full")]
print("openapi-generator (python):", [journey(penalty) for penalty in penalties])
