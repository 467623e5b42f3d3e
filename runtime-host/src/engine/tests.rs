//! The engine with real isolates and a scripted front end.
