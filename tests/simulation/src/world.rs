//! What all parts of a simulation share: the choices of the seed, the trace, the time, and which faults there are.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use contract::clock::Clock;
use seams::time::Simulated;

/// When a simulation begins: midnight, UTC.
const BEGIN: i64 = 1_794_268_800;

/// What goes wrong, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// S3 refuses a request before it has an effect.
    S3Refuses,
    /// S3 fails after a request had its effect, or the response is lost.
    S3FailsAfter,
    /// A request or its response takes longer than the client waits.
    S3Late,
    /// A write of a table takes so long that the client sends it again.
    WriteLate,
    /// The body of an object ends early, changes on its way, or the object seems not to be there.
    S3BadRead,
    /// S3 sends no event.
    EventLost,
    /// S3 sends an event twice.
    EventTwice,
    /// An event comes minutes or hours later than the next ones.
    EventLate,
    /// A function is killed at one of its awaits.
    FunctionKilled,
    /// An exporter is killed at one of its awaits.
    ExporterKilled,
    /// The clock of an exporter is wrong, or jumps while it runs.
    ClockWrong,
    /// The source refuses, fails, or breaks off.
    SourceFails,
    /// The source is slow.
    SourceSlow,
    /// The source lacks a day that it has.
    SourceLoses,
    /// The source repeats a row.
    SourceRepeats,
    /// The source lacks a part of a day, for once.
    SourceShrinks,
    /// The source loses more of a day with each response, for good.
    SourceFades,
    /// A page of rows is not the one that was asked for, or of another moment.
    PagesWrong,
    /// The source of many clusters ignores which one it was asked for.
    FilterIgnored,
    /// Somebody collects a day by hand, several times at once.
    CollectedByHand,
    /// The source sends another day, or an error with status 200.
    SourceMisreports,
    /// The source has no assets of a day.
    AssetsFail,
    /// The scheduled audit does not run.
    AuditSkipped,
    /// Somebody deletes an object of a table.
    ObjectDeleted,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::S3Refuses,
        Self::S3FailsAfter,
        Self::S3Late,
        Self::WriteLate,
        Self::S3BadRead,
        Self::EventLost,
        Self::EventTwice,
        Self::EventLate,
        Self::FunctionKilled,
        Self::ExporterKilled,
        Self::ClockWrong,
        Self::SourceFails,
        Self::SourceSlow,
        Self::SourceLoses,
        Self::SourceRepeats,
        Self::SourceShrinks,
        Self::SourceFades,
        Self::PagesWrong,
        Self::FilterIgnored,
        Self::CollectedByHand,
        Self::SourceMisreports,
        Self::AssetsFail,
        Self::AuditSkipped,
        Self::ObjectDeleted,
    ];

    /// How often it happens at most, where it can happen.
    fn most(self) -> f64 {
        match self {
            Self::S3Refuses => 0.08,
            Self::S3FailsAfter => 0.05,
            Self::S3Late | Self::S3BadRead => 0.02,
            Self::EventLost | Self::EventTwice | Self::EventLate => 0.3,
            Self::FunctionKilled => 0.15,
            Self::ExporterKilled | Self::ClockWrong => 0.3,
            Self::SourceFails => 0.1,
            Self::SourceSlow => 0.05,
            Self::SourceLoses | Self::SourceRepeats | Self::SourceMisreports | Self::AssetsFail => 0.05,
            Self::SourceShrinks => 0.4,
            Self::PagesWrong => 0.05,
            Self::FilterIgnored => 0.3,
            Self::SourceFades => 1.0,
            Self::CollectedByHand => 0.8,
            Self::WriteLate | Self::AuditSkipped | Self::ObjectDeleted => 0.2,
        }
    }
}

/// The world of one seed. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

struct State {
    random: fastrand::Rng,
    /// How often each fault happens; none at all once the faults have ended.
    rates: BTreeMap<Fault, f64>,
    injected: BTreeMap<Fault, u64>,
    /// How often an object was read badly, by the folder that it is in.
    bad_reads: BTreeMap<String, u32>,
    trace: Vec<String>,
    hash: u64,
    violations: Vec<String>,
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("World")
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        // Each seed has its own weather: a fault is absent, rare, or as frequent as it gets.
        let mut rate = |fault: Fault| {
            let share = [0.0, 0.1, 0.4, 1.0][random.usize(..4)];
            (fault, fault.most() * share)
        };
        let rates = Fault::ALL.map(&mut rate).into();
        Self(Arc::new(Mutex::new(State {
            random,
            rates,
            injected: BTreeMap::new(),
            bad_reads: BTreeMap::new(),
            trace: Vec::new(),
            hash: 0xcbf2_9ce4_8422_2325,
            violations: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time now, as it is everywhere but in programs whose clock is wrong.
    pub(crate) fn now() -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(Simulated::elapsed()).unwrap_or_default();
        DateTime::from_timestamp(BEGIN, 0).unwrap_or_default() + elapsed
    }

    /// Whether a fault happens now. It counts as injected then.
    pub(crate) fn happens(&self, fault: Fault) -> bool {
        let mut state = self.state();
        let rate = state.rates.get(&fault).copied().unwrap_or(0.0);
        let happens = rate > 0.0 && state.random.f64() < rate;
        if happens {
            *state.injected.entry(fault).or_default() += 1;
        }
        happens
    }

    /// How often a fault has happened.
    pub(crate) fn injected(&self, fault: Fault) -> u64 {
        self.state().injected.get(&fault).copied().unwrap_or(0)
    }

    /// An object was read badly.
    pub(crate) fn bad_read(&self, key: &str) {
        let folder = key.rfind('/').map_or(key, |end| &key[..=end]);
        *self.state().bad_reads.entry(folder.to_owned()).or_default() += 1;
    }

    /// How often objects of a folder were read badly.
    pub(crate) fn bad_reads(&self, folder: &str) -> u32 {
        self.state().bad_reads.get(folder).copied().unwrap_or(0)
    }

    /// Whether nothing goes wrong any more.
    pub(crate) fn is_quiet(&self) -> bool {
        self.state().rates.is_empty()
    }

    /// From now on nothing goes wrong.
    pub(crate) fn end_faults(&self) {
        self.state().rates.clear();
        self.note("the faults end".to_owned());
    }

    pub(crate) fn below(&self, limit: usize) -> usize {
        self.state().random.usize(..limit.max(1))
    }

    pub(crate) fn between(&self, least: f64, most: f64) -> f64 {
        least + self.state().random.f64() * (most - least)
    }

    pub(crate) fn seconds(&self, least: f64, most: f64) -> Duration {
        Duration::from_secs_f64(self.between(least, most))
    }

    /// Writes a line of the trace.
    pub(crate) fn note(&self, line: String) {
        let line = format!("{} {line}", Self::now().format("%d %H:%M:%S%.3f"));
        let mut state = self.state();
        for byte in line.bytes() {
            // FNV-1a: the same on every machine.
            state.hash = (state.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        state.trace.push(line);
    }

    /// Reports that something is not as promised.
    pub(crate) fn violation(&self, what: String) {
        self.note(format!("VIOLATION: {what}"));
        self.state().violations.push(what);
    }

    pub(crate) fn into_outcome(self, seed: u64) -> Outcome {
        let state = self.state();
        Outcome {
            seed,
            hash: state.hash,
            violations: state.violations.clone(),
            trace: state.trace.clone(),
            injected: state.injected.clone(),
        }
    }
}

/// What came of one seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Of the trace: the same for the same seed.
    pub hash: u64,
    /// What was not as promised.
    pub violations: Vec<String>,
    /// What happened, a line each.
    pub trace: Vec<String>,
    /// How often each fault happened.
    pub injected: BTreeMap<Fault, u64>,
}

/// The clock of a program.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ProgramClock {
    /// How far it is off at first.
    pub(crate) off: TimeDelta,
    /// How far it jumps, and when.
    pub(crate) jump: Option<(DateTime<Utc>, TimeDelta)>,
}

impl Clock for ProgramClock {
    fn now(&self) -> DateTime<Utc> {
        let now = World::now();
        let jumped = self.jump.filter(|(when, _)| *when <= now);
        now + self.off + jumped.map_or(TimeDelta::zero(), |(_, far)| far)
    }
}
