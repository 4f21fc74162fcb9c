//! What does the engine need from the world?
