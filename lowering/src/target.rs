//! What the kernel generator knows of a core.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A core to generate code for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The name by which pipelines and reports call the target.
    pub name: String,
    /// The LLVM triple.
    pub triple: String,
    /// The LLVM CPU name.
    pub cpu: String,
    /// LLVM features beyond those of the CPU, comma separated.
    pub features: String,
    /// The numbers that schedules follow from.
    pub core: Core,
}

/// What a schedule depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Core {
    /// Is the core one of AArch64, or else of x86-64? Not one of the numbers.
    #[serde(skip)]
    pub is_aarch64: bool,
    /// `f32` lanes of the widest vector register.
    pub lanes: i64,
    /// Vector registers that the compiler can name.
    pub vector_registers: i64,
    /// Registers that a tile leaves free, for loads that the compiler starts early.
    pub spare_registers: i64,
    /// The most rows of a tile that are tried.
    pub max_rows: i64,
    /// The most vectors of a tile that are tried.
    pub max_vectors: i64,
    /// Has the core a fused multiply-add?
    pub fma: bool,
    /// Cycles from an FMA's operands to its result.
    pub fma_latency: i64,
    /// FMAs that start in one cycle.
    pub fma_ports: i64,
    /// Vector or scalar loads that start in one cycle.
    pub load_ports: i64,
    /// Operations that start in one cycle, of all kinds.
    pub issue_width: i64,
    /// Hundredths of a cycle that a load costs which other work hides: it takes a place in
    /// the queues.
    pub hidden_load: i64,
    /// Cycles that a load waits behind a multiply-add, on a core that finishes instructions
    /// in order; 0 on others.
    pub load_stall: i64,
    /// Vectors of an elementwise loop that are computed side by side, to hide latency.
    pub elementwise_unroll: i64,
    /// Steps of the innermost reduction that are written out.
    pub reduction_unroll: i64,
    /// Cycles of work from which on tasks are worth starting.
    pub task_cycles: i64,
    /// Bytes of the first-level data cache.
    pub l1_bytes: i64,
    /// Bytes of the second-level cache.
    pub l2_bytes: i64,
    /// Bytes that the second-level cache delivers in a cycle; 0 where its weights are
    /// always better brought to the first level in parts.
    pub l2_rate: i64,
    /// Rows of a tile up to which products of weights are loaded, where a weight is
    /// read often enough to be in the cache, and not computed from what is loaded.
    pub computed_rows: i64,
    /// Are some lanes of a vector loaded as fast as all?
    pub masks_loads: bool,
    /// Does the core multiply a vector by one lane of another, so that numbers which
    /// all lanes share are better loaded several at a time?
    pub lane_loads: bool,
    /// Are squares of inputs better loaded than computed, because a number that all lanes
    /// share is loaded as fast as a vector, or a multiplication delays multiply-adds?
    pub hoists_operands: bool,
    /// Channels of the input and of the output from which on the mean of a 3x3 convolution
    /// is computed by Winograd's algorithm; 0 for never.
    pub winograd_channels: i64,
    /// Hundredths of the cost of the cheapest way, by the model, that strips of images may have which need
    /// less memory; 0 for no strips.
    pub strip_percent: i64,
    /// Are the channels of images that layers exchange moved last where that is cheaper?
    pub moves_channels: bool,
    /// Are refined estimates of roots and reciprocals faster than square roots and divisions?
    /// Only of AArch64.
    pub estimates_reciprocals: bool,
    /// Are the roots of activations better taken one trip of a loop before their use?
    pub pipelines_roots: bool,
    /// Does a load of a vector take less of the core where its offset is unscaled? Only of AArch64.
    pub unscales_offsets: bool,
    /// Are the weights of the next part of a reduction asked for before their turn?
    pub prefetches: bool,
    /// How many elements before their turn weights are asked for that come from beyond the
    /// second-level cache and that no part of a reduction brings near; 0 where the core asks
    /// for them itself.
    pub prefetched_elements: i64,
    /// Is arithmetic on denormal numbers so slow that they are flushed to zero? Only
    /// x86-64 knows how.
    pub flushes_denormals: bool,
}

/// One load of 512 bits a cycle, which counts for a broadcast too: what Intel's cores
/// were measured to sustain.
const AVX512: Core = Core {
    is_aarch64: false,
    lanes: 16,
    vector_registers: 32,
    spare_registers: 1,
    max_rows: 8,
    max_vectors: 8,
    fma: true,
    fma_latency: 4,
    fma_ports: 2,
    load_ports: 1,
    issue_width: 6,
    hidden_load: 8,
    load_stall: 0,
    elementwise_unroll: 1,
    reduction_unroll: 2,
    task_cycles: 200_000,
    l1_bytes: 48 << 10,
    l2_bytes: 1 << 20,
    l2_rate: 0,
    computed_rows: 0,
    masks_loads: true,
    lane_loads: false,
    hoists_operands: true,
    winograd_channels: 8,
    strip_percent: 105,
    moves_channels: true,
    estimates_reciprocals: false,
    pipelines_roots: true,
    unscales_offsets: false,
    prefetches: false,
    prefetched_elements: 0,
    flushes_denormals: true,
};

/// Two loads of 512 bits a cycle beside two FMAs.
const ZEN5: Core = Core {
    spare_registers: 2,
    load_ports: 2,
    hidden_load: 2,
    l2_rate: 48,
    computed_rows: 8,
    prefetches: true,
    prefetched_elements: 2048,
    ..AVX512
};

/// As Zen 5 in two halves of 256 bits each: what a vector takes counts the same, in units of
/// two cycles, in which latencies are half as long and the caches deliver more.
const ZEN4: Core = Core {
    fma_latency: 2,
    hidden_load: 6,
    l1_bytes: 32 << 10,
    l2_rate: 64,
    prefetched_elements: 0,
    ..ZEN5
};

const AVX2: Core = Core {
    lanes: 8,
    vector_registers: 16,
    load_ports: 2,
    reduction_unroll: 4,
    l1_bytes: 32 << 10,
    l2_bytes: 256 << 10,
    computed_rows: 8,
    masks_loads: false,
    ..AVX512
};

/// Two vectors of elementwise functions side by side hide the latency of roots and divisions.
const ZEN3: Core = Core { elementwise_unroll: 2, ..AVX2 };

/// Without fused multiply-add.
const SSE2: Core = Core { lanes: 4, fma: false, ..AVX2 };

/// Out-of-order, one 128-bit FMA pipe of the LLVM model.
const CORTEX_A72: Core = Core {
    is_aarch64: true,
    lanes: 4,
    vector_registers: 32,
    spare_registers: 3,
    max_rows: 8,
    max_vectors: 12,
    fma: true,
    fma_latency: 7,
    fma_ports: 1,
    load_ports: 1,
    issue_width: 3,
    hidden_load: 8,
    load_stall: 0,
    elementwise_unroll: 2,
    reduction_unroll: 4,
    task_cycles: 200_000,
    l1_bytes: 32 << 10,
    l2_bytes: 256 << 10,
    l2_rate: 8,
    computed_rows: 8,
    masks_loads: false,
    lane_loads: true,
    hoists_operands: true,
    winograd_channels: 8,
    strip_percent: 105,
    moves_channels: true,
    estimates_reciprocals: true,
    pipelines_roots: true,
    unscales_offsets: false,
    prefetches: false,
    prefetched_elements: 0,
    flushes_denormals: false,
};

/// In order: more independent work must stand side by side.
const CORTEX_A53: Core = Core {
    spare_registers: 1,
    fma_latency: 10,
    load_stall: 6,
    l2_rate: 6,
    hoists_operands: false,
    estimates_reciprocals: false,
    pipelines_roots: false,
    ..CORTEX_A72
};

/// LLVM's model starts three operations a cycle. A load of a vector is one of them where its
/// offset is unscaled, else two.
const CORTEX_A76: Core = Core {
    spare_registers: 1,
    fma_latency: 4,
    fma_ports: 2,
    load_ports: 2,
    l2_rate: 20,
    hoists_operands: false,
    estimates_reciprocals: false,
    pipelines_roots: false,
    unscales_offsets: true,
    ..CORTEX_A72
};

/// Name and core.
const CORES: [(&str, Core); 14] = [
    ("x86-64", SSE2),
    ("x86-64-v2", SSE2),
    ("x86-64-v3", AVX2),
    ("haswell", AVX2),
    ("znver3", ZEN3),
    ("x86-64-v4", AVX512),
    ("znver4", ZEN4),
    ("znver5", ZEN5),
    ("generic", CORTEX_A72),
    ("cortex-a53", CORTEX_A53),
    ("cortex-a55", CORTEX_A53),
    ("cortex-a72", CORTEX_A72),
    ("cortex-a76", CORTEX_A76),
    ("neoverse-n1", CORTEX_A76),
];

/// The triples that are supported, and whether they are AArch64.
const TRIPLES: [(&str, bool); 5] = [
    ("x86_64-unknown-linux-gnu", false),
    ("x86_64-linux-gnu", false),
    ("aarch64-unknown-linux-gnu", true),
    ("aarch64-linux-gnu", true),
    ("aarch64-none-elf", true),
];

/// Bytes that the second-level cache delivers in a cycle where a core does not tell.
const L2_RATE: f64 = 32.0;

impl Core {
    /// Bytes that the second-level cache delivers in a cycle.
    pub fn l2_rate(&self) -> f64 {
        match self.l2_rate {
            0 => L2_RATE,
            rate => rate as f64,
        }
    }

    /// The numbers by name, as in a schedule file.
    pub fn numbers(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(numbers)) => numbers,
            _ => Map::new(),
        }
    }

    /// The core with some numbers in the place of its own.
    ///
    /// # Errors
    ///
    /// Where a number is none of a core, or out of its range.
    pub fn with(&self, given: &Map<String, Value>) -> Result<Self, String> {
        let mut numbers = self.numbers();
        for (name, value) in given {
            let Some(number) = numbers.get_mut(name) else {
                let known: Vec<_> = numbers.keys().map(String::as_str).collect();
                return Err(format!("a core has no '{name}'; it has {}", known.join(", ")));
            };
            *number = value.clone();
        }
        let core: Self = serde_json::from_value(Value::Object(numbers))
            .map_err(|error| format!("the 'core' of the schedule file: {error}"))?;
        let core = Self { is_aarch64: self.is_aarch64, ..core };
        core.check()?;
        let beyond = [
            ("fma", core.fma && !self.fma),
            ("flushes_denormals", core.flushes_denormals && core.is_aarch64),
            ("estimates_reciprocals", core.estimates_reciprocals && !core.is_aarch64),
            ("unscales_offsets", core.unscales_offsets && !core.is_aarch64),
        ];
        match beyond.iter().find(|(_, is_beyond)| *is_beyond) {
            Some((name, _)) => Err(format!("'{name}' asks for what this core has no code for")),
            None => Ok(core),
        }
    }

    /// Refuses numbers that no core has.
    fn check(&self) -> Result<(), String> {
        if !matches!(self.lanes, 1 | 2 | 4 | 8 | 16) {
            return Err(format!("'lanes' of a core is 1, 2, 4, 8 or 16, not {}", self.lanes));
        }
        let counts = [
            ("vector_registers", self.vector_registers),
            ("max_rows", self.max_rows),
            ("max_vectors", self.max_vectors),
            ("fma_latency", self.fma_latency),
            ("fma_ports", self.fma_ports),
            ("load_ports", self.load_ports),
            ("issue_width", self.issue_width),
            ("elementwise_unroll", self.elementwise_unroll),
            ("reduction_unroll", self.reduction_unroll),
        ];
        let or_none = [
            ("spare_registers", self.spare_registers),
            ("hidden_load", self.hidden_load),
            ("load_stall", self.load_stall),
            ("l2_rate", self.l2_rate),
            ("computed_rows", self.computed_rows),
            ("winograd_channels", self.winograd_channels),
            ("strip_percent", self.strip_percent),
            ("prefetched_elements", self.prefetched_elements),
            ("task_cycles", self.task_cycles),
        ];
        let bytes = [("l1_bytes", self.l1_bytes), ("l2_bytes", self.l2_bytes)];
        let checks = counts.map(|number| (number, 1, 64)).into_iter();
        let checks = checks.chain(or_none.map(|number| (number, 0, 1 << 30)));
        let mut checks = checks.chain(bytes.map(|number| (number, 1 << 10, 1 << 40)));
        match checks.find(|((_, count), least, most)| !(least..=most).contains(&count)) {
            Some(((name, count), least, most)) => {
                Err(format!("'{name}' of a core is {least} to {most}, not {count}"))
            }
            None => Ok(()),
        }
    }
}

impl Target {
    /// The machine that this runs on, with the features that it has.
    pub fn host() -> Self {
        let (name, cpu, core) = host_core();
        Self {
            name: name.to_owned(),
            triple: format!("{}-unknown-linux-gnu", std::env::consts::ARCH),
            cpu: cpu.to_owned(),
            features: String::new(),
            core,
        }
    }

    /// The description of a triple and a CPU, both by their LLVM names. The
    /// triple `host` stands for this machine, the CPU `native` for its own.
    ///
    /// # Errors
    ///
    /// Where no target of this triple, or no CPU of this name, is known.
    pub fn find(triple: &str, cpu: &str) -> Result<Self, String> {
        if triple == "host" && cpu == "native" {
            return Ok(Self::host());
        }
        let host = Self::host();
        let triple = if triple == "host" { host.triple.as_str() } else { triple };
        let Some((_, aarch64)) = TRIPLES.iter().find(|(name, _)| *name == triple) else {
            let known: Vec<_> = TRIPLES.iter().map(|(name, _)| *name).collect();
            return Err(format!("unknown target '{triple}'; known: host, {}", known.join(", ")));
        };
        if cpu == "native" {
            return match triple.starts_with(std::env::consts::ARCH) {
                true => Ok(Self { triple: triple.to_owned(), ..host }),
                false => Err(format!("the cpu 'native' is not of the target '{triple}'")),
            };
        }
        match CORES.iter().find(|(name, core)| *name == cpu && core.is_aarch64 == *aarch64) {
            Some((name, core)) => Ok(Self {
                name: (*name).to_owned(),
                triple: triple.to_owned(),
                cpu: cpu.to_owned(),
                features: features(triple).to_owned(),
                core: *core,
            }),
            None => {
                let known = CORES.iter().filter(|(_, core)| core.is_aarch64 == *aarch64);
                let known: Vec<_> = known.map(|(name, _)| *name).collect();
                Err(format!("unknown cpu '{cpu}' of '{triple}'; known: {}", known.join(", ")))
            }
        }
    }

    /// The core of this name; `host` is this machine's.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn core(name: &str) -> Result<Core, String> {
        if name == "host" {
            return Ok(host_core().2);
        }
        let found = CORES.iter().find(|(known, _)| *known == name);
        found.map(|(_, core)| *core).ok_or_else(|| {
            let known: Vec<_> = CORES.iter().map(|(name, _)| *name).collect();
            format!("unknown core '{name}'; known: host, {}", known.join(", "))
        })
    }
}

/// What a triple asks of every CPU. Without an operating system x18 belongs to the platform,
/// which may keep a shadow call stack or its own data there.
fn features(triple: &str) -> &'static str {
    match triple {
        "aarch64-none-elf" => "+reserve-x18",
        _ => "",
    }
}

/// The name of the host's core, the LLVM CPU that stands for its features, and the core.
#[cfg(target_arch = "x86_64")]
fn host_core() -> (&'static str, &'static str, Core) {
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512cd");
    let avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("bmi2");
    match (avx512, avx2) {
        // A hypervisor may hide what else the model has, so that the CPU is the level.
        (true, _) => match amd_family() {
            Some(0x1a..) => ("znver5", "x86-64-v4", ZEN5),
            // Family 19h without AVX-512 is Zen 3.
            Some(0x19) => ("znver4", "x86-64-v4", ZEN4),
            _ => ("x86-64-v4", "x86-64-v4", AVX512),
        },
        (false, true) => match amd_family() {
            Some(0x19) => ("znver3", "x86-64-v3", ZEN3),
            _ => ("x86-64-v3", "x86-64-v3", AVX2),
        },
        (false, false) => ("x86-64", "x86-64", SSE2),
    }
}

/// The family of a core of AMD.
#[cfg(target_arch = "x86_64")]
fn amd_family() -> Option<u32> {
    use std::arch::x86_64::__cpuid;

    let vendor = __cpuid(0);
    let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
    let signature = __cpuid(1).eax;
    // The extended family counts where the base family is at its largest.
    let (family, extended) = (signature >> 8 & 0xf, signature >> 20 & 0xff);
    let is_amd = name.as_flattened() == b"AuthenticAMD";
    is_amd.then_some(if family == 0xf { family + extended } else { family })
}

#[cfg(not(target_arch = "x86_64"))]
fn host_core() -> (&'static str, &'static str, Core) {
    ("generic", "generic", CORTEX_A72)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_known_triple_with_a_cpu_of_its_architecture() {
        assert_eq!(Target::find("aarch64-none-elf", "cortex-a53").unwrap().core.lanes, 4);
        assert!(Target::find("aarch64-linux-gnu", "x86-64-v3").is_err());
        let error = Target::find("sparc-sun-solaris", "native").unwrap_err();
        assert!(error.contains("aarch64-linux-gnu"), "{error}");
    }

    #[test]
    fn a_core_takes_numbers_by_name_and_refuses_what_no_core_has() {
        let with = |name: &str, value: i64| {
            CORTEX_A72.with(&Map::from_iter([(name.to_owned(), Value::from(value))]))
        };
        assert_eq!(with("lanes", 8), Ok(Core { lanes: 8, ..CORTEX_A72 }));
        assert_eq!(CORTEX_A72.with(&CORTEX_A76.numbers()), Ok(CORTEX_A76));
        assert!(with("lines", 8).unwrap_err().contains("a core has no 'lines'; it has lanes"));
        for (name, value) in [
            ("lanes", 5),
            ("issue_width", 0),
            ("hidden_load", -1),
            ("l1_bytes", 0),
            ("l2_rate", -1),
        ] {
            let error = with(name, value).unwrap_err();
            assert!(error.starts_with(&format!("'{name}' of a core is ")), "{error}");
        }
    }

    #[test]
    fn a_core_takes_no_instructions_that_it_has_not() {
        let with = |core: Core, name: &str| {
            core.with(&Map::from_iter([(name.to_owned(), Value::from(true))]))
        };
        for (core, name) in [
            (SSE2, "fma"),
            (CORTEX_A72, "flushes_denormals"),
            (AVX512, "estimates_reciprocals"),
            (AVX512, "unscales_offsets"),
        ] {
            let error = with(core, name).unwrap_err();
            assert!(error.starts_with(&format!("'{name}' asks for")), "{error}");
        }
        let estimates = with(CORTEX_A53, "estimates_reciprocals").unwrap();
        assert_eq!(estimates, Core { estimates_reciprocals: true, ..CORTEX_A53 });
    }
}
