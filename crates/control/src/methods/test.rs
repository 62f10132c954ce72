//! `org.virt-test.test`.

use events::Verdict;
use harness::{Stop, SubResult};
use tracing::{debug, error, info, warn};

use crate::call::Call;
use crate::failure::Failure;
use crate::generated::test::*;

impl Call<'_> {
    pub(crate) async fn test_info(&self, _: InfoCall) -> Result<InfoReply, Failure> {
        let test = self.test;
        let info = TestInfo {
            name: test.name().to_owned(),
            dir: test.dir().display().to_string(),
            main_vm: test.main_vm_name().ok(),
            vms: test.machine_names(),
            elapsed: test.elapsed().as_secs_f64(),
            remaining: test.remaining().map(|left| left.as_secs_f64()),
            scale: test.deadlines().scale(),
            session: self.state.is_session,
        };
        Ok(InfoReply { info })
    }

    pub(crate) async fn test_params(&self, it: ParamsCall) -> Result<ParamsReply, Failure> {
        let mut objects = it.objects.unwrap_or_default().into_iter();
        let mut params = match objects.next() {
            Some(vm) => self.test.params_of(&vm),
            None => self.test.params().clone(),
        };
        for object in objects {
            params = params.object_params(&object);
        }
        let defaults = params::table::keys().filter_map(|key| Some((key.name, key.default?)));
        let given = params.iter();
        let params = defaults.chain(given);
        Ok(ParamsReply {
            params: params
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    pub(crate) async fn test_phase(&self, it: PhaseCall) -> Result<PhaseReply, Failure> {
        self.test.phase(it.phase);
        Ok(PhaseReply {})
    }

    pub(crate) async fn test_log(&self, it: LogCall) -> Result<LogReply, Failure> {
        let message = it.message;
        match it.level.unwrap_or(Level::Info) {
            Level::Debug => debug!("{message}"),
            Level::Info => info!("{message}"),
            Level::Warn => warn!("{message}"),
            Level::Error => error!("{message}"),
        }
        Ok(LogReply {})
    }

    pub(crate) async fn test_warn(&self, it: WarnCall) -> Result<WarnReply, Failure> {
        self.test.warn(it.message);
        Ok(WarnReply {})
    }

    pub(crate) async fn test_skip(&self, it: SkipCall) -> Result<SkipReply, Failure> {
        self.state.say(Stop::skip(it.reason));
        Ok(SkipReply {})
    }

    pub(crate) async fn test_fail(&self, it: FailCall) -> Result<FailReply, Failure> {
        self.state.say(Stop::fail(it.reason));
        Ok(FailReply {})
    }

    pub(crate) async fn test_error(&self, it: ErrorCall) -> Result<ErrorReply, Failure> {
        self.state.say(Stop::error(it.reason));
        Ok(ErrorReply {})
    }

    pub(crate) async fn test_subtest(&self, it: SubtestCall) -> Result<SubtestReply, Failure> {
        let verdict = match it.verdict {
            crate::generated::test::Verdict::Pass => Verdict::Pass,
            crate::generated::test::Verdict::Warn => Verdict::Warn,
            crate::generated::test::Verdict::Skip => Verdict::Skip,
            crate::generated::test::Verdict::Fail => Verdict::Fail,
            crate::generated::test::Verdict::Error => Verdict::Error,
        };
        self.test.sub_result(SubResult {
            name: it.name,
            verdict,
            reason: it.reason,
        });
        Ok(SubtestReply {})
    }

    pub(crate) async fn test_end(&self, _: EndCall) -> Result<EndReply, Failure> {
        if !self.state.is_session {
            let message = "a test ends with its program (hint: use Skip, Fail or Error)";
            return Err(Failure::invalid(message));
        }
        self.state.end();
        Ok(EndReply {})
    }
}
