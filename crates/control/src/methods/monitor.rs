//! Monitor of `org.virt-test.vm`: commands and events.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use vm::qmp::{self, Cursor, EventError};

use crate::call::{Call, count, limit, number};
use crate::failure::Failure;
use crate::generated::vm::*;

/// Base time for a command of QMP or an event, unless a call says otherwise.
const LIMIT: Duration = Duration::from_secs(30);

impl Call<'_> {
    pub(crate) async fn vm_qmp(&self, it: QmpCall) -> Result<QmpReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let arguments = Value::Object(it.arguments.unwrap_or_default());
        let base = vm.limit(limit(it.timeout, LIMIT)?);
        let done = vm.qmp().execute_within(base, &it.command, arguments).await;
        let returned = done.map_err(|error| Failure::from(error).at(it.vm))?;
        let mut reply = Map::new();
        reply.insert("return".to_owned(), returned);
        Ok(QmpReply { reply })
    }

    pub(crate) async fn vm_hmp(&self, it: HmpCall) -> Result<HmpReply, Failure> {
        let output = self.vm(&it.vm)?.hmp(&it.line).await?;
        Ok(HmpReply { output })
    }

    pub(crate) async fn vm_events(&self, it: EventsCall) -> Result<EventsReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let mut cursor = cursor(it.since)?;
        let names = it.names.as_deref();
        let wanted = |event: &qmp::Event| names.is_none_or(|names| names.contains(&event.name));
        let log = vm.qmp().events();
        if !self.more {
            let events = log.since(cursor).into_iter();
            return Ok(EventsReply {
                event: None,
                events: events.filter(wanted).map(told).collect(),
            });
        }
        loop {
            match log.wait(cursor, "any", Duration::MAX, wanted).await {
                Ok(event) => {
                    cursor = event.after();
                    let event = Some(told(event));
                    let events = Vec::new();
                    self.reply(&EventsReply { event, events }).await?;
                }
                Err(EventError::Closed { .. }) => {
                    return Ok(EventsReply {
                        event: None,
                        events: Vec::new(),
                    });
                }
                Err(error) => return Err(Failure::host("wait for events", &error).at(it.vm)),
            }
        }
    }

    pub(crate) async fn vm_wait_event(&self, it: WaitEventCall) -> Result<WaitEventReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let wanted = it.r#match.unwrap_or_default();
        let fits = |event: &qmp::Event| {
            event.name == it.name && wanted.iter().all(|(key, value)| event.data[key] == *value)
        };
        let what = match wanted.is_empty() {
            true => it.name.clone(),
            false => format!("{} {}", it.name, json!(wanted)),
        };
        let base = limit(it.timeout, LIMIT)?;
        let event = vm.wait_for_event_that(cursor(it.since)?, &what, base, fits);
        let event = told(event.await?);
        Ok(WaitEventReply { event })
    }
}

fn cursor(since: Option<i64>) -> Result<Cursor, Failure> {
    Ok(match since {
        Some(since) => Cursor::before(count("since", since)?),
        None => Cursor::START,
    })
}

fn told(event: qmp::Event) -> Event {
    let time = event
        .timestamp
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Event {
        seq: number(event.seq),
        name: event.name,
        data: match event.data {
            Value::Object(data) => Some(data),
            _ => None,
        },
        time: time.map(|time| time.as_secs_f64()),
    }
}
