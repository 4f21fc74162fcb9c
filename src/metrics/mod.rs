//! Prometheus: query API, and direct scrape of exposition text.
