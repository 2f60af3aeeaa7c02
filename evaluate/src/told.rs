//! What a board tells of calls that it timed: joules, clocks, heat.

use pfp_agent::{energy::Reading, protocol::Measured};
use serde::Serialize;

/// What a board told of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// Joules of each sensor.
    pub energy: Vec<SensorEnergy>,
    /// Why there is none, or not of all sensors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_missing: Option<String>,
    /// The least clock of the CPUs that were used, in megahertz.
    pub least_clock_mhz: Option<u64>,
    /// The highest temperature, in degrees Celsius.
    pub highest_temperature: Option<f64>,
    /// How the clock is chosen.
    pub governor: Option<String>,
    /// What makes the times doubtful.
    pub warnings: Vec<String>,
}

/// The energy of a sensor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SensorEnergy {
    /// The sensor.
    pub sensor: String,
    /// Of one item.
    pub joules_per_inference: f64,
    /// In all timed calls.
    pub joules: f64,
    /// For how long.
    pub window_seconds: f64,
    /// Calls in it.
    pub calls: u64,
}

impl Told {
    /// What was told in the rounds of a measurement; `None` where there is no board. Of `samples` samples
    /// in all, each of the calls that the rounds say.
    pub fn of(rounds: &[Measured], samples: usize, batch: usize) -> Option<Self> {
        let last = rounds.last()?;
        let calls = samples as u64 * u64::from(last.calls);
        let seconds =
            rounds.iter().map(|round| (round.window.1 - round.window.0) as f64 / 1e9).sum();
        let energy = |reading: &Reading| {
            let of_round = |round: &Measured| {
                let same = round.energy.readings.iter().find(|each| each.sensor == reading.sensor);
                same.map(|each| each.joules)
            };
            let joules: f64 = rounds.iter().map(of_round).sum::<Option<f64>>()?;
            Some(SensorEnergy {
                sensor: reading.sensor.clone(),
                joules_per_inference: joules / (calls as f64 * batch as f64),
                joules,
                window_seconds: seconds,
                calls,
            })
        };
        let mut warnings: Vec<String> = Vec::new();
        for warning in rounds.iter().flat_map(|round| round.conditions.warnings()) {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        let used = |round: &Measured| {
            let clocks = round.conditions.least_clocks.clone().into_iter();
            let of_used = clocks.filter(|(cpu, _)| round.cpus.contains(cpu));
            of_used.map(|(_, clock)| clock / 1000).min()
        };
        let temperatures = rounds.iter().filter_map(|round| round.conditions.highest_temperature);
        Some(Self {
            energy: last.energy.readings.iter().filter_map(energy).collect(),
            energy_missing: last.energy.missing.clone(),
            least_clock_mhz: rounds.iter().filter_map(used).min(),
            highest_temperature: temperatures.reduce(f64::max),
            governor: last.conditions.after.governor.clone(),
            warnings,
        })
    }

    /// In words.
    pub fn text(&self) -> String {
        let energy = |sensor: &SensorEnergy| {
            let millijoules = 1e3 * sensor.joules_per_inference;
            format!("{millijoules:.4} mJ/item by {}", sensor.sensor)
        };
        let mut parts: Vec<_> = self.energy.iter().map(energy).collect();
        if let Some(why) = &self.energy_missing {
            parts.push(format!("joules not told: {why}"));
        }
        parts.extend(self.least_clock_mhz.map(|clock| format!("{clock} MHz at least")));
        parts.extend(self.highest_temperature.map(|degrees| format!("{degrees:.0} °C at most")));
        parts.join(", ")
    }
}
