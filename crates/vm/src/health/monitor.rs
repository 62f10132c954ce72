//! Events of the monitor that mean trouble.

use serde_json::Value;

use super::{FindingKind, Health, Severity};
use crate::qmp::{Cursor, Event, EventError, EventLog, Qmp, RunState, ShutdownReason};

/// Reports trouble until the monitor is closed.
pub(crate) async fn watch_events(qmp: Qmp, health: Health) {
    let events: EventLog = qmp.events().clone();
    let mut cursor = Cursor::START;
    loop {
        let limit = std::time::Duration::MAX;
        match events.wait(cursor, "any", limit, |_| true).await {
            Ok(event) => {
                cursor = event.after();
                if let Some((kind, severity, summary)) = judge(&event) {
                    health.report(kind, severity, summary);
                }
                if event.name == "STOP" {
                    why_stopped(&qmp, &health).await;
                }
            }
            Err(EventError::Missed { .. }) => cursor = events.cursor(),
            Err(EventError::Closed { .. } | EventError::Timeout { .. }) => return,
        }
    }
}

/// No event tells of these two; the state does.
async fn why_stopped(qmp: &Qmp, health: &Health) {
    let Ok(status) = qmp.status().await else {
        return;
    };
    match status.status {
        RunState::InternalError => health.report(
            FindingKind::InternalError,
            Severity::Fatal,
            "the machine stopped in state internal-error",
        ),
        RunState::IoError => health.report(
            FindingKind::BlockIoError,
            Severity::Fatal,
            "the machine stopped in state io-error",
        ),
        _ => {}
    }
}

fn judge(event: &Event) -> Option<(FindingKind, Severity, String)> {
    let (kind, severity) = match event.name.as_str() {
        "GUEST_PANICKED" => (FindingKind::GuestPanic, Severity::Fatal),
        "GUEST_CRASHLOADED" => (FindingKind::GuestPanic, Severity::Warning),
        "BLOCK_IO_ERROR" => (FindingKind::BlockIoError, Severity::Fatal),
        "WATCHDOG" => (FindingKind::Watchdog, Severity::Fatal),
        "MEMORY_FAILURE" => (FindingKind::MemoryFailure, Severity::Fatal),
        "SHUTDOWN" => {
            let reason = ShutdownReason::from_event(&event.data).reason;
            match reason.as_str() {
                "guest-panic" => (FindingKind::GuestPanic, Severity::Fatal),
                "host-error" => (FindingKind::InternalError, Severity::Fatal),
                _ => return None,
            }
        }
        _ => return None,
    };
    let summary = match &event.data {
        Value::Null => event.name.clone(),
        data => format!("{} {data}", event.name),
    };
    Some((kind, severity, summary))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judged(name: &str, data: Value) -> Option<(FindingKind, Severity, String)> {
        judge(&Event {
            seq: 0,
            name: name.to_owned(),
            data,
            timestamp: None,
        })
    }

    #[test]
    fn events_that_mean_trouble_are_told_from_those_that_do_not() {
        let panic = judged("GUEST_PANICKED", json!({"action": "pause"}));
        assert_eq!(
            panic,
            Some((
                FindingKind::GuestPanic,
                Severity::Fatal,
                r#"GUEST_PANICKED {"action":"pause"}"#.to_owned()
            ))
        );
        for name in ["STOP", "RESET", "RTC_CHANGE", "NOT_YET_INVENTED"] {
            assert_eq!(judged(name, Value::Null), None, "{name}");
        }
        let shutdown = |reason| judged("SHUTDOWN", json!({"guest": true, "reason": reason}));
        assert!(shutdown("guest-shutdown").is_none());
        assert!(shutdown("guest-panic").is_some());
    }
}
