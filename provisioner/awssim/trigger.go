package awssim

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A triggers is the rollback configuration of a stack: alarms that take an
// operation back while it runs and for a while after.
type triggers struct {
	Alarms  []pair // ARN and type
	Minutes int
}

var alarmID = regexp.MustCompile(`^arn:aws[a-z-]*:cloudwatch:[a-z0-9-]+:\d{12}:alarm:.+$`)

// triggersOf reads the rollback configuration of a request; what is not said
// stays as it was.
func triggersOf(a args, before triggers) (triggers, error) {
	const in = "RollbackConfiguration."
	out := before
	if a.given(in + "RollbackTriggers") {
		out.Alarms = nil
		for _, t := range a.structs(in + "RollbackTriggers") {
			switch arn, typ := t.get("Arn"), t.get("Type"); {
			case typ != "AWS::CloudWatch::Alarm" && typ != "AWS::CloudWatch::CompositeAlarm":
				return out, invalid("Rollback Trigger Type not supported")
			case !alarmID.MatchString(arn):
				return out, invalid("RelativeId of a Rollback Trigger's ARN is incorrect")
			default:
				out.Alarms = append(out.Alarms, pair{arn, typ})
			}
		}
		if len(out.Alarms) > 5 {
			return out, invalid("1 validation error detected: Value at 'rollbackConfiguration.rollbackTriggers' failed to satisfy constraint:" +
				" Member must have length less than or equal to 5")
		}
	}
	if text := a.get(in + "MonitoringTimeInMinutes"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 180 {
			return out, invalid("1 validation error detected: Value '" + text + "' at 'rollbackConfiguration.monitoringTimeInMinutes' failed to satisfy constraint:" +
				" Member must have value between 0 and 180")
		}
		out.Minutes = n
	}
	return out, nil
}

func (t triggers) same(o triggers) bool {
	return t.Minutes == o.Minutes && slices.Equal(t.Alarms, o.Alarms)
}

func (t triggers) xml() obj {
	if len(t.Alarms) == 0 && t.Minutes == 0 {
		return obj{}
	}
	list := list{}
	for _, a := range t.Alarms {
		list = append(list, obj{{"Arn", a.Key}, {"Type", a.Value}})
	}
	return obj{{"RollbackTriggers", list}, {"MonitoringTimeInMinutes", t.Minutes}}
}

// breached says which alarm takes an operation back: one that rings, or is
// missing.
func (t triggers) breached(r *region) string {
	for _, a := range t.Alarms {
		_, name, _ := strings.Cut(a.Key, ":alarm:")
		switch thing := r.Things[key(a.Value, name)]; {
		case thing == nil:
			return "The rollback trigger " + a.Key + " does not exist. "
		case thing.Attributes["StateValue"] == "ALARM":
			return "The rollback trigger " + a.Key + " is in the state ALARM. "
		}
	}
	return ""
}

// monitored says whether the operation has been watched for as long as it was
// to be.
func (p *progress) monitored() bool {
	t := p.op.To.Triggers
	if len(t.Alarms) == 0 || t.Minutes == 0 {
		return true
	}
	if p.op.Watched.IsZero() {
		p.op.Watched = p.at.Add(time.Duration(t.Minutes) * time.Minute)
	}
	if p.at.Before(p.op.Watched) {
		p.wake(p.at.Add(min(time.Minute, p.op.Watched.Sub(p.at))))
		return false
	}
	return true
}
