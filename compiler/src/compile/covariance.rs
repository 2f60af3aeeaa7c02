//! What a network is given of covariances, and what else it could be.

use gauss_lowering::passes::gauss_track_covariance::{Returned, Tracked, Tracking};
use serde::Serialize;

use super::{Function, Network};
use crate::{diagnostics::Covariance, error::Error};

/// Over so many nodes a scale is mixed, where the budget has room for it.
const NODES: i64 = 5;

/// What is carried through a function of covariances.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Carried {
    /// How many dense layers carry covariances to the logits.
    pub layers: usize,
    /// How many nodes of shared scales are mixed, 0 where none is.
    pub nodes: i64,
    /// How many pools know the covariances within their windows.
    pub pools: usize,
    /// What it costs, in multiply-adds for the whole batch.
    pub multiply_adds: u64,
}

/// What a head may be given of covariances.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// The least budget that it takes, in times the multiply-adds of the network.
    pub budget: f64,
    /// What is carried.
    #[serde(flatten)]
    pub carried: Carried,
    /// Is it what the options of this network choose?
    #[serde(rename = "chosen")]
    pub is_chosen: bool,
}

impl Network<'_> {
    /// Lets one public function, or each, return the covariances of its Gaussian output, too.
    ///
    /// # Errors
    ///
    /// Where there is no such function, or its covariances are not known.
    pub fn return_covariance(
        &mut self,
        function: Option<&str>,
        returned: Returned,
    ) -> Result<(), Error> {
        let name = match function {
            Some(name) => Some(self.function(Some(name))?.name.clone()),
            None => None,
        };
        self.track_covariance(name.as_deref(), returned)?;
        self.read_functions()
    }

    /// A network of which this function also returns what a head would be given for at most so many
    /// multiply-adds, of a mixture at each node.
    ///
    /// # Errors
    ///
    /// Where its covariances are not known.
    pub fn with_covariance(&self, function: &str, work: u64) -> Result<Self, Error> {
        let mut network = Self {
            module: self.module.duplicate(),
            functions: self.functions.clone(),
            module_sha256: self.module_sha256.clone(),
            parameters_sha256: self.parameters_sha256.clone(),
            remarks: Vec::new(),
            assumptions: Vec::new(),
            carried: self.carried.clone(),
            costs: self.costs.clone(),
            ..*self
        };
        let returned = Returned::OfNodes;
        network.carry(function, Tracking { layers: usize::MAX, nodes: NODES, work, returned })?;
        network.read_functions()?;
        Ok(network)
    }

    /// Would a head of this function be given covariances?
    ///
    /// # Errors
    ///
    /// Where there is no such function.
    pub fn carries_covariance(&self, function: Option<&str>) -> Result<bool, Error> {
        let name = self.function(function)?.name.clone();
        let tracking = self.limits(&name, Returned::Matrix);
        Ok(self.module.covariance_plan(tracking, &name).is_some())
    }

    /// What a head of this function would be given, by the budget from which on: each choice up to the most.
    ///
    /// # Errors
    ///
    /// Where there is no such function.
    pub fn covariance_choices(&self, function: Option<&str>) -> Result<Vec<Choice>, Error> {
        let function = self.function(function)?;
        let cost = self.cost(&function.name);
        let allowed = self.limits(&function.name, Returned::Nothing).work;
        let returned = Returned::Nothing;
        let limits = Tracking { layers: usize::MAX, nodes: NODES, work: u64::MAX, returned };
        // From the most work down, each plan with one multiply-add less than the one before.
        let mut plans: Vec<Tracked> = Vec::new();
        let mut work = Some(u64::MAX);
        while let Some(most) = work {
            let limits = Tracking { work: most, ..limits };
            let Some(plan) = self.module.covariance_plan(limits, &function.name) else { break };
            work = plan.work.checked_sub(1);
            plans.push(plan);
        }
        let costs = self.module.window_costs(&function.name);
        let mut choices = Vec::new();
        for (number, plan) in plans.iter().enumerate().rev() {
            let next = number.checked_sub(1).map_or(u64::MAX, |next| plans[next].work);
            let mut total = plan.work;
            for pools in 0..=costs.len() {
                total = total.saturating_add(pools.checked_sub(1).map_or(0, |last| costs[last]));
                if total < next {
                    let Tracked { layers, nodes, .. } = *plan;
                    let carried = Carried { layers, nodes, pools, multiply_adds: total };
                    let budget = 1.0 + total as f64 / (cost as f64).max(1.0);
                    choices.push(Choice { budget, carried, is_chosen: false });
                }
            }
        }
        let chosen =
            choices.iter_mut().rev().find(|choice| choice.carried.multiply_adds <= allowed);
        if let Some(chosen) = chosen.filter(|_| allowed > 0) {
            chosen.is_chosen = true;
        }
        Ok(choices)
    }

    /// The multiply-adds of a function without heads and covariances.
    fn cost(&self, function: &str) -> u64 {
        self.costs.get(function).copied().unwrap_or(0)
    }

    /// How far covariances may be carried.
    fn limits(&self, function: &str, returned: Returned) -> Tracking {
        let cost = self.cost(function);
        let (layers, nodes, work) = match self.module.source().covariance() {
            Covariance::Diagonal => (0, 0, 0),
            Covariance::Within(budget) => {
                // A budget of a choice has room for it, whatever is rounded.
                (usize::MAX, NODES, (cost as f64 * (budget - 1.0)).round() as u64)
            }
            Covariance::Full => (usize::MAX, NODES, u64::MAX),
        };
        Tracking { layers, nodes, work, returned }
    }

    /// Carries the covariances that the source asks for.
    pub(super) fn track_covariance(
        &mut self,
        function: Option<&str>,
        returned: Returned,
    ) -> Result<(), Error> {
        let wanted = |known: &&Function| function.is_none_or(|name| known.name == name);
        let functions: Vec<_> = self.functions.iter().filter(wanted).cloned().collect();
        for Function { name, .. } in functions {
            let mut tracking = self.limits(&name, returned);
            // A budget is spent once, by a head and by what is returned.
            tracking.work = tracking.work.saturating_sub(self.carried(&name).multiply_adds);
            self.carry(&name, tracking)?;
        }
        Ok(())
    }

    /// Carries covariances through a function within the limits.
    fn carry(&mut self, function: &str, tracking: Tracking) -> Result<(), Error> {
        let tracked = self.module.track_covariance(tracking, function)?;
        let left = tracking.work.saturating_sub(tracked.work);
        let windows = self.module.correlate_windows(left, function)?;
        let carried = self.carried.entry(function.to_owned()).or_default();
        carried.layers += tracked.layers;
        carried.nodes = carried.nodes.max(tracked.nodes);
        carried.pools += windows.pools;
        let work = tracked.work.saturating_add(windows.work);
        carried.multiply_adds = carried.multiply_adds.saturating_add(work);
        Ok(())
    }

    /// What was carried through a function of covariances.
    pub fn carried(&self, function: &str) -> Carried {
        self.carried.get(function).cloned().unwrap_or_default()
    }
}
