//! Training, with a network whose loss and posterior are known in closed form.

mod checkpoints;
mod converges;
mod double;
mod errors;
mod fixture;
mod page;
mod reading;
mod starts;
mod without_training;
