// A journey by openapi-fetch with the types that openapi-typescript made, for each kind of penalty. The compiler holds
// every request and every field that is read to the document before anything is sent.
import createClient from "openapi-fetch";
import type { components, paths } from "./document.js";

type Penalty = components["schemas"]["Penalty"];
declare const process: { argv: string[] };

const client = createClient<paths>({ baseUrl: process.argv[2], headers: { authorization: `Bearer ${process.argv[3]}` } });
const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
const [first, second, last] = [day(40), day(41), day(42)];

function good<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) throw new Error(`${answer.response.status} ${JSON.stringify(answer.error)}`);
  return answer.data;
}

function same(what: string, seen: unknown, wanted: unknown) {
  if (JSON.stringify(seen) !== JSON.stringify(wanted)) throw new Error(`${what}: ${JSON.stringify(seen)}, not ${JSON.stringify(wanted)}`);
}

async function journey(penalty: Penalty): Promise<string> {
  const hotel = good(await client.POST("/v1/hotels", {
    body: { name: "Pensão", address: "Rua 1", time_zone: "Europe/Lisbon", currency: "EUR", taxes: [{ name: "VAT", percent: "6.00" }] },
  }));
  const of = { params: { path: { hotel_id: hotel.hotel_id } } };
  const room = good(await client.POST("/v1/hotels/{hotel_id}/room-types", {
    ...of, body: { name: "Double", beds: ["double"], adults_max: 2, children_max: 0 },
  }));
  const plan = good(await client.POST("/v1/hotels/{hotel_id}/rate-plans", {
    ...of, body: { name: "Plan", cancellation_policy: { penalty } },
  }));
  same("the plan", plan.cancellation_policy.penalty, penalty);
  const price = { amount: "100.00", currency: "EUR" };
  good(await client.PUT("/v1/hotels/{hotel_id}/prices", {
    ...of,
    body: { room_type_id: room.room_type_id, rate_plan_id: plan.rate_plan_id, nights: [{ night: first, price }, { night: second, price }] },
  }));
  good(await client.PUT("/v1/hotels/{hotel_id}/room-types/{room_type_id}/inventory", {
    params: { path: { hotel_id: hotel.hotel_id, room_type_id: room.room_type_id } }, body: { from: first, to: last, total: 3 },
  }));
  const search = async () => good(await client.GET("/v1/hotels/{hotel_id}/availability", {
    params: { path: { hotel_id: hotel.hotel_id }, query: { check_in: first, check_out: last, adults: 2 } },
  })).room_types;
  // A search answers from a cache that follows a moment later.
  let found = await search();
  for (let tries = 0; found.length === 0 && tries < 300; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    found = await search();
  }
  const rate = found[0].rates[0];
  const quote = good(await client.POST("/v1/quotes", {
    body: {
      hotel_id: hotel.hotel_id, room_type_id: room.room_type_id, rate_plan_id: rate.rate_plan_id, check_in: first,
      check_out: last, rooms: 1, party: { adults: 2 },
    },
  }));
  same("the sum before taxes", quote.total_before_taxes, rate.total_before_taxes);
  same("the sum", quote.total.amount, "212.00");
  const booking = {
    params: { header: { "Idempotency-Key": quote.quote_id, Prefer: "wait=30" } },
    body: {
      quote_token: quote.quote_token, party: { adults: 2 }, payment_method: "pm_ok",
      guest: { name: "Ana Sousa", email: `ana.${crypto.randomUUID()}@example.com` },
    },
  };
  const booked = await client.POST("/v1/reservations", booking);
  const stay = good(booked);
  same("the booking", [booked.response.status, stay.state], [201, "confirmed"]);
  const again = await client.POST("/v1/reservations", booking);
  same("the repeat", [again.response.headers.get("Idempotent-Replayed"), good(again)], ["true", stay]);
  const one = { params: { path: { reservation_id: stay.reservation_id } } };
  same("its penalty", good(await client.GET("/v1/reservations/{reservation_id}", one)).cancellation_policy?.penalty, penalty);
  const list = good(await client.GET("/v1/reservations", { params: { query: { hotel_id: hotel.hotel_id } } }));
  same("the list", list.items.map((row) => row.reservation_id), [stay.reservation_id]);
  const email = booking.body.guest.email;
  const lookedUp = good(await client.POST("/v1/reservations/look-up", { body: { code: stay.code, email } }));
  same("the look-up", lookedUp.reservation_id, stay.reservation_id);
  const guest = createClient<paths>({ baseUrl: process.argv[2], headers: { authorization: `Bearer ${lookedUp.guest_link?.token}` } });
  const cost = good(await guest.GET("/v1/reservations/{reservation_id}/cancellation-quote", one));
  const gone = good(await guest.POST("/v1/reservations/{reservation_id}/cancellation", {
    params: { ...one.params, header: { Prefer: "wait=30" } },
  }));
  same("the cancellation", [gone.state, gone.penalty, gone.refund], ["cancelled", cost.penalty, cost.refund]);
  const history = good(await client.GET("/v1/reservations/{reservation_id}/history", one));
  same("the history", history.items.map((row) => row.state), ["pending", "confirmed", "cancelling", "cancelled"]);
  const payment = good(await client.GET("/v1/payments/{payment_id}", { params: { path: { payment_id: stay.payment_id } } }));
  same("the payment", [payment.captured?.amount, payment.movements[0].kind], ["212.00", "capture"]);
  const saga = good(await client.GET("/v1/sagas/{saga_id}", { params: { path: { saga_id: stay.saga_id } } }));
  same("the saga", saga.state, "completed");
  return cost.penalty.amount;
}

const penalties: Penalty[] = [{ kind: "first_night" }, { kind: "percent", percent: 50 }, { kind: "full" }];
const costs: string[] = [];
for (const penalty of penalties) costs.push(await journey(penalty));
console.log("openapi-typescript + openapi-fetch:", costs);
