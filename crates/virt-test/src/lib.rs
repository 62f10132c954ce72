//! The command line: flags become lines of Cartesian text, verdicts become exit codes.
