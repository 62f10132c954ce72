package virttest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// CallError is what every error of virt-test has. An error of its own type, such as NotFoundError, has more:
//
//	var missing *virttest.NotFoundError
//	if errors.As(err, &missing) { … missing.Known … }
//
// Every one of them is a CallError too:
//
//	var refused *virttest.CallError
//	if errors.As(err, &refused) { … refused.Hint … }
type CallError struct {
	// Code is the name of the error on the wire, such as org.virt-test.error.NotFound.
	Code string `json:"-"`
	// Message says what failed, on what, and why.
	Message string `json:"message"`
	// Hint is what may mend it.
	Hint string `json:"hint,omitempty"`
	// Where is the machine, file or other thing it is about.
	Where string `json:"where,omitempty"`
	// Verdict is what a test that knows nothing better ends with.
	Verdict Verdict `json:"verdict"`
	// LastWords is the last that was heard of guest, firmware, monitor and QEMU.
	LastWords string `json:"last_words,omitempty"`
}

// failure is a CallError or has one within.
type failure interface {
	error
	common() *CallError
}

func (e *CallError) common() *CallError { return e }

// Error gives the message and, where there is one, the hint.
func (e *CallError) Error() string {
	if e.Hint != "" {
		return e.Message + " (hint: " + e.Hint + ")"
	}
	return e.Message
}

// decodeError turns an error of the wire into the Go type of its name.
func decodeError(code string, parameters json.RawMessage) error {
	err := newError(code)
	if len(parameters) > 0 {
		if broken := json.Unmarshal(parameters, err); broken != nil {
			return fmt.Errorf("%s: %s: %w", code, parameters, broken)
		}
	}
	common := err.common()
	common.Code = code
	if common.Message == "" {
		common.Message = strings.TrimSpace(code + " " + string(parameters))
	}
	if common.Verdict == "" {
		common.Verdict = VerdictError
	}
	return err
}

// Stop is an error by which a test ends itself with a verdict other than PASS.
type Stop struct {
	Verdict Verdict
	Reason  string
}

func (s *Stop) Error() string { return s.Reason }

// Skipf makes the error of a test that cannot be done here.
func Skipf(format string, arguments ...any) error {
	return &Stop{VerdictSkip, fmt.Sprintf(format, arguments...)}
}

// Failf makes the error of a test that found something wrong.
func Failf(format string, arguments ...any) error {
	return &Stop{VerdictFail, fmt.Sprintf(format, arguments...)}
}

// Errorf makes the error of a test that could not do its part.
func Errorf(format string, arguments ...any) error {
	return &Stop{VerdictError, fmt.Sprintf(format, arguments...)}
}
