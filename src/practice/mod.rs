//! A cluster and its metrics to practise on: real HTTP on loopback.
