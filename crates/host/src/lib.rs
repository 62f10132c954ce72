//! What can this host do, and what did we borrow and must give back?
