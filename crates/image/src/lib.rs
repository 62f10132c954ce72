//! Where do disks and guests come from? Overlays, the tiny guest.
