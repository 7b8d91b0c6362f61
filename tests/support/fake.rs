//! A Secret Service that does as it is told.
