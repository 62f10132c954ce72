//! How do we talk to a guest? Console, guest agent, sessions.
