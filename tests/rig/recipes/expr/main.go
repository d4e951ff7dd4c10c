// Command expr computes formulas with the language's own implementation, so that ours can be compared with it. Each line
// of its input is one formula with its inputs, each line of its output what comes of it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strconv"

	"github.com/expr-lang/expr"
)

type question struct {
	Text   string              `json:"text"`
	Inputs map[string]*float64 `json:"inputs"`
}

type answer struct {
	Value   any    `json:"value,omitempty"`
	Refused string `json:"refused,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := out.Encode(computed(asked)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// computed compiles against floats alone, as KEDA does; a missing input is nil when it runs.
func computed(asked question) answer {
	known, given := map[string]float64{}, map[string]any{}
	for name, value := range asked.Inputs {
		known[name], given[name] = -1, nil
		if value != nil {
			given[name] = *value
		}
	}
	program, err := expr.Compile(asked.Text, expr.Env(known))
	if err != nil {
		return answer{Refused: "compiling: " + err.Error()}
	}
	value, err := expr.Run(program, given)
	if err != nil {
		return answer{Refused: "running: " + err.Error()}
	}
	return answer{Value: tagged(value)}
}

// tagged keeps what JSON would lose: the kind of a number, and numbers that JSON does not have.
func tagged(value any) []any {
	of := reflect.ValueOf(value)
	switch of.Kind() {
	case reflect.Invalid:
		return []any{"nil"}
	case reflect.Bool:
		return []any{"bool", of.Bool()}
	case reflect.Int:
		return []any{"int", strconv.FormatInt(of.Int(), 10)}
	case reflect.Float64:
		return []any{"float", strconv.FormatFloat(of.Float(), 'g', -1, 64)}
	case reflect.Slice:
		items := make([]any, of.Len())
		for i := range items {
			items[i] = tagged(of.Index(i).Interface())
		}
		return []any{"list", items}
	}
	return []any{"other", of.Type().String()}
}
