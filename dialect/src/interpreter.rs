//! The float64 reference interpreter and Monte Carlo.
