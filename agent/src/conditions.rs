//! Clocks, temperatures and throttling.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sysfs::{self, Root};

/// A change of the clock that is worth a warning.
const CLOCK_CHANGE: f64 = 0.02;

/// What the board tells at one time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// Kilohertz of each CPU that tells.
    pub clocks: BTreeMap<usize, u64>,
    /// Degrees Celsius of each thermal zone, by its type.
    pub temperatures: Vec<(String, f64)>,
    /// What limits the clock, in words.
    pub throttled: Vec<String>,
    /// How often x86 CPUs were throttled since the start of the board.
    pub throttle_events: Option<u64>,
    /// How the clock of the first CPU is chosen.
    pub governor: Option<String>,
}

/// What the board told during a measurement.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Conditions {
    /// Before it.
    pub before: Snapshot,
    /// After it.
    pub after: Snapshot,
    /// The least clock of each CPU, in kilohertz.
    pub least_clocks: BTreeMap<usize, u64>,
    /// The highest temperature of all zones.
    pub highest_temperature: Option<f64>,
    /// What limited the clock at any time.
    pub throttled: Vec<String>,
}

/// The bits that the firmware of a Raspberry Pi tells.
const THROTTLED: [(u64, &str); 4] = [
    (1, "the voltage is too low"),
    (1 << 1, "the clock is capped"),
    (1 << 2, "the firmware throttles"),
    (1 << 3, "the soft limit of the temperature is reached"),
];

impl Snapshot {
    /// What is told now, of these CPUs.
    pub fn take(root: &Root, cpus: &[usize]) -> Self {
        let cpu = |cpu: &usize| format!("sys/devices/system/cpu/cpu{cpu}");
        let clock = |number: &usize| {
            Some((*number, root.number(&format!("{}/cpufreq/scaling_cur_freq", cpu(number)))?))
        };
        let zones = root.entries("sys/class/thermal", "thermal_zone");
        let temperature = |zone: &std::path::PathBuf| {
            let millidegrees: i64 = sysfs::text(&zone.join("temp"))?.parse().ok()?;
            let name = sysfs::text(&zone.join("type")).unwrap_or_else(|| "zone".into());
            Some((name, millidegrees as f64 / 1e3))
        };
        let events = |number: &usize| {
            let count = |kind: &str| {
                root.number(&format!("{}/thermal_throttle/{kind}_throttle_count", cpu(number)))
            };
            Some(count("core")? + count("package").unwrap_or(0))
        };
        let events: Vec<_> = cpus.iter().filter_map(events).collect();
        Self {
            clocks: cpus.iter().filter_map(clock).collect(),
            temperatures: zones.iter().filter_map(temperature).collect(),
            throttled: firmware(root),
            throttle_events: (!events.is_empty()).then(|| events.iter().sum()),
            governor: cpus
                .first()
                .and_then(|number| root.text(&format!("{}/cpufreq/scaling_governor", cpu(number)))),
        }
    }

    fn highest_temperature(&self) -> Option<f64> {
        self.temperatures.iter().map(|(_, degrees)| *degrees).reduce(f64::max)
    }
}

/// What the firmware of a Raspberry Pi limits.
fn firmware(root: &Root) -> Vec<String> {
    let folders =
        ["sys/devices/platform/soc/soc:firmware", "sys/devices/platform/soc/soc:firmware/hwmon"];
    let read = |folder: &&str| root.text(&format!("{folder}/get_throttled"));
    let Some(text) = folders.iter().find_map(read) else { return Vec::new() };
    let digits = text.trim_start_matches("0x");
    let bits = u64::from_str_radix(digits, 16).unwrap_or(0);
    let set = THROTTLED.iter().filter(|(bit, _)| bits & bit != 0);
    set.map(|(_, words)| (*words).to_owned()).collect()
}

impl Conditions {
    /// Begins with what is told before.
    pub fn begin(root: &Root, cpus: &[usize]) -> Self {
        let before = Snapshot::take(root, cpus);
        Self {
            least_clocks: before.clocks.clone(),
            highest_temperature: before.highest_temperature(),
            throttled: before.throttled.clone(),
            after: before.clone(),
            before,
        }
    }

    /// Ends with what is told after.
    pub fn end(&mut self, after: Snapshot) {
        self.add(&after);
        self.after = after;
    }

    /// Adds what was told meanwhile, of the CPUs that the measurement began with.
    pub fn add(&mut self, now: &Snapshot) {
        for (cpu, least) in &mut self.least_clocks {
            *least = now.clocks.get(cpu).map_or(*least, |&clock| clock.min(*least));
        }
        let highest = now.highest_temperature();
        self.highest_temperature =
            self.highest_temperature.into_iter().chain(highest).reduce(f64::max);
        let more = now.throttled.iter().filter(|words| !self.throttled.contains(words));
        self.throttled.extend(more.cloned().collect::<Vec<_>>());
    }

    /// What makes times of this measurement doubtful.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (cpu, &least) in &self.least_clocks {
            let seen = [self.before.clocks.get(cpu), self.after.clocks.get(cpu)];
            let most = seen.into_iter().flatten().copied().max().unwrap_or(least);
            if (most - least.min(most)) as f64 > CLOCK_CHANGE * most as f64 {
                warnings.push(format!(
                    "the clock of CPU {cpu} changed: {} to {} MHz",
                    least / 1000,
                    most / 1000
                ));
            }
        }
        warnings
            .extend(self.throttled.iter().map(|words| format!("the board is throttled: {words}")));
        if let (Some(before), Some(after)) =
            (self.before.throttle_events, self.after.throttle_events)
            && after > before
        {
            warnings.push(format!("the CPUs were throttled {} time(s)", after - before));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Raspberry Pi with two CPUs.
    fn board() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path());
        for cpu in 0..2 {
            let folder = format!("sys/devices/system/cpu/cpu{cpu}/cpufreq");
            root.write(&format!("{folder}/scaling_cur_freq"), "1500000\n");
            root.write(&format!("{folder}/scaling_governor"), "ondemand\n");
        }
        root.write("sys/class/thermal/thermal_zone0/temp", "48250\n");
        root.write("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
        root.write("sys/devices/platform/soc/soc:firmware/get_throttled", "50000\n");
        (dir, root)
    }

    #[test]
    fn a_board_tells_clocks_temperatures_and_its_governor() {
        let (_dir, root) = board();
        let now = Snapshot::take(&root, &[1]);
        assert_eq!(now.clocks, BTreeMap::from([(1, 1_500_000)]));
        assert_eq!(now.temperatures, [("cpu-thermal".to_owned(), 48.25)]);
        assert_eq!(now.governor.as_deref(), Some("ondemand"));
        // The upper bits tell the past.
        assert_eq!((now.throttled, now.throttle_events), (vec![], None));
    }

    #[test]
    fn what_makes_times_doubtful_is_a_warning() {
        let (_dir, root) = board();
        let mut conditions = Conditions::begin(&root, &[0, 1]);
        conditions.end(Snapshot::take(&root, &[0, 1]));
        assert_eq!(conditions.warnings(), Vec::<String>::new());
        root.write("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "600000");
        root.write("sys/devices/platform/soc/soc:firmware/get_throttled", "0x50005");
        root.write("sys/class/thermal/thermal_zone0/temp", "81000");
        conditions.end(Snapshot::take(&root, &[0, 1]));
        assert_eq!(conditions.highest_temperature, Some(81.0));
        assert_eq!(
            conditions.warnings(),
            [
                "the clock of CPU 1 changed: 600 to 1500 MHz",
                "the board is throttled: the voltage is too low",
                "the board is throttled: the firmware throttles",
            ]
        );
    }

    #[test]
    fn a_clock_that_was_low_only_meanwhile_is_a_warning() {
        let (_dir, root) = board();
        let mut conditions = Conditions::begin(&root, &[0]);
        let file = "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq";
        root.write(file, "1400000");
        conditions.add(&Snapshot::take(&root, &[0]));
        root.write(file, "1500000");
        // Of CPUs that were not used, clocks do not matter.
        root.write("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "600000");
        conditions.end(Snapshot::take(&root, &[0, 1]));
        assert_eq!(conditions.warnings(), ["the clock of CPU 0 changed: 1400 to 1500 MHz"]);
    }

    #[test]
    fn throttling_of_an_x86_cpu_is_counted() {
        let (_dir, root) = board();
        let file = "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count";
        root.write(file, "3");
        let mut conditions = Conditions::begin(&root, &[0]);
        root.write(file, "5");
        conditions.end(Snapshot::take(&root, &[0]));
        assert_eq!(conditions.warnings(), ["the CPUs were throttled 2 time(s)"]);
    }

    #[test]
    fn a_board_that_tells_nothing_has_no_conditions() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path());
        assert_eq!(Snapshot::take(&root, &[0]), Snapshot::default());
        assert_eq!(Conditions::begin(&root, &[0]).warnings(), Vec::<String>::new());
    }
}
