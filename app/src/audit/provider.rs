//! The provider's own ledger, read over its interface, against ours: the same money for each reservation, by which the
//! provider knows what is paid for.

use std::collections::BTreeMap;

use anyhow::Context as _;
use contract::Money;
use serde::Deserialize;
use sqlx::postgres::PgConnection;

use super::Checked;

#[derive(Deserialize)]
struct Page {
    items: Vec<Entry>,
    next_cursor: Option<String>,
}

/// The provider's account of one reservation.
#[derive(Deserialize)]
struct Entry {
    reference: String,
    /// Captured and not given back.
    net: Money,
    /// Amounts kept from a guest who did not get a room.
    open_authorizations: u32,
}

/// Compares reservation by reservation.
pub(super) async fn check(db: &mut PgConnection, url: &str) -> anyhow::Result<Checked> {
    let theirs = ledger(url)
        .await
        .with_context(|| format!("the provider at {url} does not show its ledger"))?;
    let ours = movements(db).await?;
    let mut violations = Vec::new();
    for (reference, entry) in &theirs {
        let (net, open) = (entry.net.minor(), entry.open_authorizations);
        let known = ours.get(reference).copied().unwrap_or(0);
        if known != net || open > 0 {
            violations.push(format!(
                r#"{{"reservation_id":"{reference}","provider_minor":{net},"ours_minor":{known},"open_authorizations":{open}}}"#
            ));
        }
    }
    for (reference, net) in ours
        .iter()
        .filter(|(reference, net)| **net != 0 && !theirs.contains_key(*reference))
    {
        violations.push(format!(
            r#"{{"reservation_id":"{reference}","provider_minor":null,"ours_minor":{net}}}"#
        ));
    }
    Ok(Checked {
        rows_seen: i64::try_from(theirs.len())?,
        violations,
    })
}

async fn ledger(url: &str) -> anyhow::Result<BTreeMap<String, Entry>> {
    let http = reqwest::Client::new();
    let mut all = BTreeMap::new();
    let mut cursor: Option<String> = None;
    loop {
        let query = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let page = http
            .get(format!(
                "{}/v1/ledger?limit=200{query}",
                url.trim_end_matches('/')
            ))
            .send()
            .await?;
        let page: Page = page.error_for_status()?.json().await?;
        all.extend(
            page.items
                .into_iter()
                .map(|entry| (entry.reference.clone(), entry)),
        );
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(all),
        }
    }
}

async fn movements(db: &mut PgConnection) -> anyhow::Result<BTreeMap<String, i64>> {
    let sums = sqlx::query!(
        r#"select reservation_id, sum(amount_minor)::bigint as "net_minor!" from payment.movement
           group by reservation_id"#
    );
    let sums = sums.fetch_all(db).await?;
    Ok(sums
        .into_iter()
        .map(|sum| (sum.reservation_id.to_string(), sum.net_minor))
        .collect())
}
