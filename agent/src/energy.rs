//! Joules, where the board tells them.
//!
//! Sensors that count energy (RAPL, `energyN_input` of hwmon) are read at both ends of a window. Those of
//! power (`powerN_input` of hwmon, INA by iio) are sampled meanwhile, and integrated over the window.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::sysfs::{self, Root};

/// The energy of a window.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Energy {
    /// Of each sensor.
    pub readings: Vec<Reading>,
    /// Why there is none, or not of all sensors.
    pub missing: Option<String>,
}

/// What a sensor tells of a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The sensor.
    pub sensor: String,
    /// The energy.
    pub joules: f64,
    /// How often it was read; 2 for one that counts energy.
    pub samples: usize,
}

/// A sensor that counts energy.
#[derive(Debug, Clone)]
struct Counter {
    name: String,
    file: PathBuf,
    /// It begins anew above so many microjoules.
    range: Option<u64>,
}

/// A sensor of power.
#[derive(Debug, Clone)]
struct Gauge {
    name: String,
    file: PathBuf,
    /// Watts of one of its units.
    unit: f64,
}

/// All sensors of a board.
#[derive(Debug, Clone)]
pub struct Meter {
    counters: Vec<Counter>,
    gauges: Vec<Gauge>,
    /// What is there and cannot be read, and why.
    refused: Vec<String>,
}

/// Counters at one time.
#[derive(Debug, Clone)]
pub struct Counted(Vec<Option<u64>>);

/// Power at one time.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Nanoseconds of CLOCK_MONOTONIC.
    pub time: u64,
    watts: Vec<Option<f64>>,
}

impl Meter {
    /// The sensors of a board.
    pub fn open(root: &Root) -> Self {
        let mut meter = Self { counters: Vec::new(), gauges: Vec::new(), refused: Vec::new() };
        // A zone of a package is `intel-rapl:0`; those below it are parts of it.
        for zone in root.entries("sys/class/powercap", "intel-rapl:") {
            let is_part = zone.to_string_lossy().matches(':').count() > 1;
            let name = sysfs::text(&zone.join("name")).unwrap_or_default();
            if !is_part && zone.join("energy_uj").exists() {
                let range = sysfs::number(&zone.join("max_energy_range_uj")).ok();
                meter.add_counter(format!("RAPL {name}"), zone.join("energy_uj"), range);
            }
        }
        for chip in root.entries("sys/class/hwmon", "hwmon") {
            let name = sysfs::text(&chip.join("name")).unwrap_or_default();
            for (kind, input) in (1..=16).flat_map(|n| ["energy", "power"].map(|kind| (kind, n))) {
                let file = chip.join(format!("{kind}{input}_input"));
                let label = sysfs::text(&chip.join(format!("{kind}{input}_label")));
                let label = label.unwrap_or_else(|| format!("{kind}{input}"));
                match kind {
                    _ if !file.exists() => (),
                    "energy" => meter.add_counter(format!("{name} {label}"), file, None),
                    _ => meter.add_gauge(format!("{name} {label}"), file, 1e-6),
                }
            }
        }
        for device in root.entries("sys/bus/iio/devices", "iio:device") {
            let name = sysfs::text(&device.join("name")).unwrap_or_default();
            for channel in ["in_power", "in_power0", "in_power1", "in_power2", "in_power3"] {
                let file = device.join(format!("{channel}_raw"));
                let scale = sysfs::text(&device.join(format!("{channel}_scale")));
                // A scale is in milliwatts.
                if let Some(scale) = scale.and_then(|scale| scale.parse::<f64>().ok()) {
                    meter.add_gauge(format!("{name} {channel}"), file, scale / 1e3);
                }
            }
        }
        meter
    }

    fn add_counter(&mut self, name: String, file: PathBuf, range: Option<u64>) {
        match sysfs::number(&file) {
            Ok(_) => self.counters.push(Counter { name, file, range }),
            Err(error) => self.refused.push(format!("{name}: {error}")),
        }
    }

    fn add_gauge(&mut self, name: String, file: PathBuf, unit: f64) {
        match sysfs::number(&file) {
            Ok(_) => self.gauges.push(Gauge { name, file, unit }),
            Err(error) => self.refused.push(format!("{name}: {error}")),
        }
    }

    /// The names of the sensors that can be read, then of those that cannot, with the reason.
    pub fn sensors(&self) -> Vec<String> {
        let counters = self.counters.iter().map(|counter| counter.name.clone());
        let gauges = self.gauges.iter().map(|gauge| format!("{} (sampled)", gauge.name));
        let refused = self.refused.iter().map(|refused| format!("not readable: {refused}"));
        counters.chain(gauges).chain(refused).collect()
    }

    /// Are there sensors that must be sampled?
    pub fn is_sampled(&self) -> bool {
        !self.gauges.is_empty()
    }

    /// The counters now.
    pub fn count(&self) -> Counted {
        Counted(self.counters.iter().map(|each| sysfs::number(&each.file).ok()).collect())
    }

    /// The power now.
    pub fn sample(&self, time: u64) -> Sample {
        let watts = |gauge: &Gauge| Some(sysfs::number(&gauge.file).ok()? as f64 * gauge.unit);
        Sample { time, watts: self.gauges.iter().map(watts).collect() }
    }

    /// The energy between two readings of the counters.
    pub fn counted(&self, begin: &Counted, end: &Counted) -> Vec<Reading> {
        let pairs = self.counters.iter().zip(begin.0.iter().zip(&end.0));
        let reading = |(counter, (begin, end)): (&Counter, (&Option<u64>, &Option<u64>))| {
            let (begin, end) = ((*begin)?, (*end)?);
            let microjoules = match end.checked_sub(begin) {
                Some(difference) => difference,
                None => counter.range?.checked_sub(begin)?.checked_add(end)?,
            };
            let sensor = counter.name.clone();
            Some(Reading { sensor, joules: microjoules as f64 / 1e6, samples: 2 })
        };
        pairs.filter_map(reading).collect()
    }

    /// Adds what was sampled in a window to what was counted in it.
    pub fn finish(&self, counted: Vec<Reading>, samples: &[Sample], window: (u64, u64)) -> Energy {
        let mut energy = Energy { readings: counted, missing: None };
        let mut missing = self.refused.clone();
        for (number, gauge) in self.gauges.iter().enumerate() {
            let of_gauge = samples.iter().filter_map(|s| Some((s.time, s.watts[number]?)));
            match integrate(&of_gauge.collect::<Vec<_>>(), window) {
                Some((joules, samples)) => {
                    energy.readings.push(Reading { sensor: gauge.name.clone(), joules, samples })
                }
                None => {
                    missing.push(format!("{}: the window is too short to sample it", gauge.name))
                }
            }
        }
        if energy.readings.is_empty() && missing.is_empty() {
            missing.push("the board has no sensor of energy or power".into());
        }
        energy.missing = (!missing.is_empty()).then(|| missing.join("; "));
        energy
    }
}

/// The fewest samples of power in a window.
const LEAST_SAMPLES: usize = 3;

/// The mean of the power in a window times its length, in joules, and the number of samples.
fn integrate(samples: &[(u64, f64)], (begin, end): (u64, u64)) -> Option<(f64, usize)> {
    let inside: Vec<_> =
        samples.iter().filter(|(time, _)| (begin..=end).contains(time)).map(|s| s.1).collect();
    let mean = inside.iter().sum::<f64>() / inside.len() as f64;
    (inside.len() >= LEAST_SAMPLES).then(|| (mean * (end - begin) as f64 / 1e9, inside.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path());
        (dir, root)
    }

    #[test]
    fn rapl_counts_joules_and_begins_anew_at_its_range() {
        let (_dir, root) = empty();
        let zone = "sys/class/powercap/intel-rapl:0";
        root.write(&format!("{zone}/name"), "package-0\n");
        root.write(&format!("{zone}/max_energy_range_uj"), "10000000\n");
        root.write(&format!("{zone}/energy_uj"), "9000000\n");
        root.write("sys/class/powercap/intel-rapl:0:0/energy_uj", "5\n");
        let meter = Meter::open(&root);
        assert_eq!(meter.sensors(), ["RAPL package-0"]);
        let begin = meter.count();
        root.write(&format!("{zone}/energy_uj"), "9500000\n");
        let middle = meter.count();
        root.write(&format!("{zone}/energy_uj"), "1500000\n");
        let end = meter.count();
        let joules = |from, to| meter.counted(from, to)[0].joules;
        assert_eq!((joules(&begin, &middle), joules(&begin, &end)), (0.5, 2.5));
        let energy = meter.finish(meter.counted(&begin, &end), &[], (0, 1));
        assert_eq!((energy.readings.len(), energy.missing), (1, None));
    }

    #[test]
    fn power_is_sampled_and_integrated_over_the_window() {
        let (_dir, root) = empty();
        root.write("sys/class/hwmon/hwmon2/name", "ina226\n");
        root.write("sys/class/hwmon/hwmon2/power1_input", "2000000\n");
        root.write("sys/bus/iio/devices/iio:device0/name", "ina219\n");
        root.write("sys/bus/iio/devices/iio:device0/in_power_raw", "25\n");
        root.write("sys/bus/iio/devices/iio:device0/in_power_scale", "20.0\n");
        let meter = Meter::open(&root);
        assert_eq!(meter.sensors(), ["ina226 power1 (sampled)", "ina219 in_power (sampled)"]);
        let second = 1_000_000_000;
        let mut samples: Vec<_> = (0..4).map(|n| meter.sample(n * second / 2)).collect();
        root.write("sys/class/hwmon/hwmon2/power1_input", "4000000\n");
        samples.push(meter.sample(2 * second));
        // What lies outside of the window does not count.
        let energy = meter.finish(vec![], &samples, (second / 4, 2 * second - 1));
        let joules: Vec<_> = energy.readings.iter().map(|reading| reading.joules).collect();
        let length = (2 * second - 1 - second / 4) as f64 / 1e9;
        assert_eq!(joules, [2.0 * length, 0.5 * length]);
        assert_eq!(energy.readings[0].samples, 3);
        let short = meter.finish(vec![], &samples, (0, second));
        assert_eq!(short.readings.len(), 2);
        let shorter = meter.finish(vec![], &samples, (1, second));
        assert!(shorter.missing.unwrap().contains("the window is too short"));
    }

    #[test]
    fn a_sensor_of_hwmon_may_count_energy() {
        let (_dir, root) = empty();
        root.write("sys/class/hwmon/hwmon0/name", "amd_energy\n");
        root.write("sys/class/hwmon/hwmon0/energy2_input", "7\n");
        root.write("sys/class/hwmon/hwmon0/energy2_label", "Esocket0\n");
        let meter = Meter::open(&root);
        let begin = meter.count();
        root.write("sys/class/hwmon/hwmon0/energy2_input", "1000007\n");
        let reading = Reading { sensor: "amd_energy Esocket0".into(), joules: 1.0, samples: 2 };
        assert_eq!(meter.counted(&begin, &meter.count()), [reading]);
    }

    #[test]
    fn a_board_without_sensors_says_so() {
        let (_dir, root) = empty();
        let energy = Meter::open(&root).finish(vec![], &[], (0, 1));
        let missing = Some("the board has no sensor of energy or power".to_owned());
        assert_eq!(energy, Energy { readings: vec![], missing });
    }
}
