//! How does one test, and how do a thousand, get run and cleaned up?
