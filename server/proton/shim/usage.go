package shim

import (
	"fmt"
	"strings"
)

// usage is an error in the command line, worded as the AWS CLI words it.
type usage struct {
	text string
	code int // of the exit
}

func (u usage) Error() string { return u.text }

func usagef(format string, args ...any) error { return usage{fmt.Sprintf(format, args...), exitUsage} }

const howTo = `usage: aws [options] <command> <subcommand> [<subcommand> ...] [parameters]
To see help text, you can run:

  aws help
  aws <command> help
  aws <command> <subcommand> help

`

// misused is an error in how an option or a command is written.
func misused(format string, args ...any) error {
	return usagef("%saws: error: %s\n", howTo, fmt.Sprintf(format, args...))
}

// unknown is the error for what is left of the arguments.
func unknown(rest []string) error {
	return usagef("%sUnknown options: %s\n", howTo, strings.Join(rest, ", "))
}

// choice is the error for a value that is none of the choices.
func choice(argument string, choices []string) error {
	var b strings.Builder
	b.WriteString("argument " + argument + ": Invalid choice, valid choices are:\n")
	for i := 0; i < len(choices); i += 2 {
		fmt.Fprintf(&b, "\n%-40s", choices[i])
		if i+1 < len(choices) {
			fmt.Fprintf(&b, " | %-40s", choices[i+1])
		}
	}
	return misused("%s", b.String())
}

// parsing is the error for a value that cannot be read.
func parsing(option, format string, args ...any) error {
	return usagef("Error parsing parameter '%s': %s", option, fmt.Sprintf(format, args...))
}
