//! The passes, one file each, named as its flag.

pub mod gauss_append_head;
pub mod gauss_append_loss;
pub mod gauss_append_update;
pub mod gauss_c_interface;
pub mod gauss_check_calls;
pub mod gauss_correlate_windows;
pub mod gauss_draw_locally;
pub mod gauss_estimate_reciprocals;
pub mod gauss_expand_math;
pub mod gauss_fold_batch_norm;
pub mod gauss_generate_kernels;
pub mod gauss_gradient;
pub mod gauss_hoist_operands;
pub mod gauss_load_parameters;
pub mod gauss_outline_tasks;
pub mod gauss_pipeline_roots;
pub mod gauss_plan_arena;
pub mod gauss_pool_first;
pub mod gauss_remark_independence;
pub mod gauss_set_batch;
pub mod gauss_skip_unchosen;
pub mod gauss_track_covariance;
pub mod gauss_transpose_operands;
pub mod gauss_unscale_offsets;
pub mod gauss_use_destinations;
pub mod gauss_winograd;
pub mod lower_gauss;

use crate::pass::Pass;

/// Every pass of the crate.
pub static ALL: &[Pass] = &[
    gauss_append_head::PASS,
    gauss_append_loss::PASS,
    gauss_append_update::PASS,
    gauss_c_interface::PASS,
    gauss_check_calls::PASS,
    gauss_correlate_windows::PASS,
    gauss_draw_locally::PASS,
    gauss_estimate_reciprocals::PASS,
    gauss_expand_math::PASS,
    gauss_fold_batch_norm::PASS,
    gauss_generate_kernels::PASS,
    gauss_gradient::PASS,
    gauss_hoist_operands::PASS,
    gauss_load_parameters::PASS,
    gauss_outline_tasks::PASS,
    gauss_pipeline_roots::PASS,
    gauss_plan_arena::PASS,
    gauss_pool_first::PASS,
    gauss_remark_independence::PASS,
    gauss_set_batch::PASS,
    gauss_skip_unchosen::PASS,
    gauss_track_covariance::PASS,
    gauss_transpose_operands::PASS,
    gauss_unscale_offsets::PASS,
    gauss_use_destinations::PASS,
    gauss_winograd::PASS,
    lower_gauss::PASS,
];
