//! Steps take no memory: all of it is there before the first.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use pfp_compiler::error::Error;
use pfp_evaluate::watch::Silent;
use pfp_train::{
    checkpoint::Origin,
    data::{Data, Target},
    fit::Run,
    gradient::{Call, Gradient, Outcome, Parameter, Values},
    settings::{Objective, Settings},
    state::State,
};

struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is one of the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of the trait.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of the trait.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Has a slope of 1 along everything, and notes how much memory was asked for so far.
struct Slope {
    parameters: Vec<Parameter>,
    noted: Mutex<Vec<usize>>,
}

impl Gradient for Slope {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn items(&self) -> usize {
        5
    }

    fn outputs(&self) -> usize {
        2
    }

    fn inputs(&self) -> usize {
        3
    }

    fn noise(&self) -> usize {
        8
    }

    fn gradient(&self, _: &Values, _: Call, result: &mut Outcome) -> Result<(), Error> {
        result.losses.fill(1.0);
        result.mean.fill(1.0);
        result.variance.fill(1.0);
        self.noted.lock().unwrap().push(COUNT.load(Ordering::Relaxed));
        Ok(())
    }

    fn loss(&self, _: &Values, _: Call, _: &mut Outcome) -> Result<(), Error> {
        Ok(())
    }
}

fn slope(gaussian: bool) -> Slope {
    let parameter =
        Parameter { name: "layer.weight".into(), shape: vec![100, 700], gaussian, trainable: true };
    Slope { parameters: vec![parameter], noted: Mutex::new(Vec::with_capacity(1 << 12)) }
}

/// Other tests of the file would be counted, too: there is but one.
#[test]
fn steps_take_no_memory() {
    let data = Data::new(Target::Classes(2), vec![0.5; 3000], [0.0, 1.0].repeat(1000)).unwrap();
    for (objective, threads) in
        [(Objective::Moments, 1), (Objective::Svi, 1), (Objective::Moments, 2)]
    {
        let gradient = slope(objective == Objective::Moments);
        let parameters = slope(true).parameters;
        let settings = Settings { objective, batch: 10, clip: Some(1.0), ..Settings::default() };
        let run = Run {
            gradient: &gradient,
            parameters: &parameters,
            origin: &Origin::default(),
            data: &data,
            validation: None,
            settings: &settings,
            checkpoints: None,
            threads,
        };
        let values = Values { mean: vec![0.1; 70_000], variance: vec![0.1; 70_000] };
        run.fit(State::new(values), &Silent, &mut |_| ()).unwrap();
        let noted = gradient.noted.into_inner().unwrap();
        assert_eq!(noted.len(), 200);
        // Threads begin with the first steps. Beside them, rayon's queue of tasks grows now and then.
        let taken = noted[199] - noted[50];
        assert!(taken <= 8, "{objective:?} on {threads} thread(s): {taken}");
    }
}
