//! Posteriors of frameworks: the readers of pickles, archives and tensors, and what each framework
//! makes of them.

use pfp_import::posterior::{
    Framework, Request,
    layout::Reader,
    place::{Parameter, Wishes, place},
    representation::Representation,
};

/// Reads a file as one of each framework, and places what is in it. A file may be wrong: the fault is
/// a crash.
pub fn posterior(bytes: &[u8]) {
    let parameters = [
        ("fc1.weight", vec![3, 4], Reader::OutputsFirst),
        ("fc1.bias", vec![3], Reader::Other),
        ("up.weight", vec![2, 2, 3, 3], Reader::TransposedConvolution),
    ];
    let parameters = parameters.map(|(name, shape, reader)| Parameter {
        name: name.into(),
        shape,
        gaussian: true,
        reader,
    });
    let order = ["fc1.weight:transpose", "fc1.bias", "up.weight:flax"];
    let order: Vec<_> = order.into_iter().filter_map(|name| name.parse().ok()).collect();
    for framework in Framework::all() {
        let plain = Request { parameters: &parameters, ..Request::default() };
        let wishful = Request {
            representation: Some(Representation::LogStd),
            marginals: true,
            order: order.clone(),
            parameters: &parameters,
            weights: None,
        };
        let with_weights = Request { weights: Some(bytes), ..Request::default() };
        for request in [plain, wishful, with_weights] {
            if let Ok(posterior) = framework.read(bytes, &request) {
                for entry in &posterior.entries {
                    let count: usize = entry.shape.iter().product();
                    let is_whole = |values: &Vec<_>| values.len() == count;
                    assert!(entry.mean.iter().chain(&entry.variance).all(is_whole), "{entry:?}");
                }
                let _ = place(posterior.entries, &parameters, &Wishes::default(), None);
            }
        }
    }
}
