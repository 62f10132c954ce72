package virttest

import (
	"context"
	"encoding/json"
	"sync"
)

// VM is a machine.
type VM struct {
	test *Test
	name string
}

// Name is its name in the configuration.
func (vm *VM) Name() string { return vm.name }

// Session logs in to the guest; it waits for a boot in progress. Exec does that by itself: a session is for what several commands share,
// such as the directory of a console's shell.
func (vm *VM) Session(ctx context.Context, options *OpenOptions) (*Session, error) {
	info, err := vm.rawOpen(ctx, options)
	if err != nil {
		return nil, err
	}
	return &Session{vm.test, info.ID}, nil
}

// Exec runs a line of shell in the guest. A status other than 0 is no error. With Argv among the options, command is not used.
func (vm *VM) Exec(ctx context.Context, command string, options *ExecOptions) (Output, error) {
	reply, err := vm.rawExec(ctx, options.with(command), nil)
	return reply.output(), err
}

// ExecStream is Exec, and gives the output to each as it comes; the Output has none of it.
func (vm *VM) ExecStream(ctx context.Context, command string, options *ExecOptions, each func(Chunk)) (Output, error) {
	reply, err := vm.rawExec(ctx, options.with(command), chunks(each))
	return reply.output(), err
}

// Session is a session in a guest. It ends with its machine, with Close, and with the test.
type Session struct {
	test *Test
	id   string
}

// ID is its id.
func (s *Session) ID() string { return s.id }

// Exec runs a line of shell in the guest. A status other than 0 is no error. With Argv among the options, command is not used.
func (s *Session) Exec(ctx context.Context, command string, options *ExecOptions) (Output, error) {
	reply, err := s.rawExec(ctx, options.with(command), nil)
	return reply.output(), err
}

// ExecStream is Exec, and gives the output to each as it comes; the Output has none of it.
func (s *Session) ExecStream(ctx context.Context, command string, options *ExecOptions, each func(Chunk)) (Output, error) {
	reply, err := s.rawExec(ctx, options.with(command), chunks(each))
	return reply.output(), err
}

func (o *ExecOptions) with(command string) *ExecOptions {
	var full ExecOptions
	if o != nil {
		full = *o
	}
	if full.Argv == nil {
		full.Command = command
	}
	return &full
}

func chunks(each func(Chunk)) func(execReply) {
	return func(reply execReply) {
		if reply.Chunk != nil {
			each(*reply.Chunk)
		}
	}
}

func (r execReply) output() Output {
	if r.Output == nil {
		return Output{}
	}
	return *r.Output
}

// OK says whether the command exited with status 0.
func (o *Output) OK() bool { return o.Status != nil && *o.Status == 0 }

// Console gives what a console has said so far.
func (vm *VM) Console(ctx context.Context, options *ConsoleOptions) (string, error) {
	reply, err := vm.rawConsole(ctx, options, nil)
	return reply.Text, err
}

// FollowConsole gives what a console says to each, in pieces, until the machine ends or the context does.
func (vm *VM) FollowConsole(ctx context.Context, options *ConsoleOptions, each func(text string)) error {
	reply, err := vm.rawConsole(ctx, options, func(reply consoleReply) { each(reply.Text) })
	if err == nil && reply.Text != "" {
		each(reply.Text)
	}
	return err
}

// Events gives the events there have been.
func (vm *VM) Events(ctx context.Context, options *EventsOptions) ([]Event, error) {
	reply, err := vm.rawEvents(ctx, options, nil)
	return reply.Events, err
}

// Watch is a stream of events.
type Watch struct {
	// C gives the events, and is closed after the last.
	C    <-chan Event
	stop context.CancelFunc
	over sync.WaitGroup
	err  error
}

// Err says, once C is closed, why that is. It is nil where the machine has ended or Stop was called.
func (w *Watch) Err() error {
	w.over.Wait()
	return w.err
}

// Stop ends the stream.
func (w *Watch) Stop() {
	w.stop()
	w.over.Wait()
}

// WatchEvents gives the events there have been and those to come, until the machine ends or the context does, or Stop is called.
func (vm *VM) WatchEvents(ctx context.Context, options *EventsOptions) *Watch {
	inner, stop := context.WithCancel(ctx)
	events := make(chan Event)
	watch := &Watch{C: events, stop: stop}
	give := func(reply eventsReply) {
		if reply.Event != nil {
			reply.Events = append(reply.Events, *reply.Event)
		}
		for _, event := range reply.Events {
			select {
			case events <- event:
			case <-inner.Done():
			}
		}
	}
	watch.over.Add(1)
	go func() {
		defer watch.over.Done()
		defer close(events)
		defer stop()
		last, err := vm.rawEvents(inner, options, give)
		switch {
		case err == nil:
			give(last)
		case inner.Err() != nil && ctx.Err() == nil:
		default:
			watch.err = err
		}
	}()
	return watch
}

// Migrated is how a migration went.
type Migrated struct {
	Figures Figures
	// Standstill is for how many seconds the guest's CPUs stood still, where that is known.
	Standstill *float64
}

// Migrate moves the machine to another QEMU on this host. Where progress is given, it is called with figures meanwhile. A context that ends
// before cancels the migration, and the source goes on.
func (vm *VM) Migrate(ctx context.Context, options *MigrateOptions, progress func(Figures)) (Migrated, error) {
	var each func(migrateReply)
	if progress != nil {
		each = func(reply migrateReply) {
			if reply.Progress != nil {
				progress(*reply.Progress)
			}
		}
	}
	reply, err := vm.rawMigrate(ctx, options, each)
	migrated := Migrated{Standstill: reply.Standstill}
	if reply.Figures != nil {
		migrated.Figures = *reply.Figures
	}
	return migrated, err
}

// QMP gives a command to QEMU's monitor. What QEMU returns is decoded into out, unless that is nil.
func (vm *VM) QMP(ctx context.Context, command string, options *QMPOptions, out any) error {
	reply, err := vm.rawQMP(ctx, command, options)
	return returned(reply, out, err)
}

// Agent gives a command to the guest's agent. What that returns is decoded into out, unless that is nil.
func (vm *VM) Agent(ctx context.Context, command string, options *AgentOptions, out any) error {
	reply, err := vm.rawAgent(ctx, command, options)
	return returned(reply, out, err)
}

func returned(reply json.RawMessage, out any, err error) error {
	if err != nil || out == nil {
		return err
	}
	wrapped := struct {
		Return any `json:"return"`
	}{out}
	return json.Unmarshal(reply, &wrapped)
}

// Some makes a pointer of a value, for members that may be absent.
func Some[T any](value T) *T { return &value }
