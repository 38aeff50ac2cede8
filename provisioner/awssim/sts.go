package awssim

import (
	"strconv"
	"strings"
	"time"
)

// stsActions are the calls of STS that are answered.
var stsActions = map[string]action{
	"GetCallerIdentity": {do: callerIdentity},
	"AssumeRole":        {do: assumeRole, rule: []string{"RoleArn", "RoleSessionName"}},
}

func callerIdentity(c *call, _ args) (obj, error) {
	return obj{{"Arn", c.who.ARN}, {"UserId", "AIDA" + c.who.Account}, {"Account", c.who.Account}}, nil
}

func assumeRole(c *call, a args) (obj, error) {
	arn := a.get("RoleArn")
	parts := strings.Split(arn, ":")
	role, known := c.cfg.Roles[arn]
	stranger := len(c.cfg.Roles) > 0 && (!known || role.ExternalID != "" && role.ExternalID != a.get("ExternalId"))
	if len(parts) != 6 || !strings.HasPrefix(parts[5], "role/") || stranger || c.w.Broken[arn] {
		return nil, &apiError{403, "AccessDenied", "User: " + c.who.ARN + " is not authorized to perform: sts:AssumeRole on resource: " + arn}
	}
	seconds, err := strconv.Atoi(a.get("DurationSeconds"))
	if err != nil {
		seconds = 3600
	}
	if strings.Contains(c.who.ARN, ":assumed-role/") && seconds > 3600 {
		return nil, invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	if most := int(c.cfg.Session.Seconds()); most > 0 {
		seconds = min(seconds, most)
	}
	name := a.get("RoleSessionName")
	who := Identity{Account: parts[4], ARN: "arn:aws:sts::" + parts[4] + ":assumed-role/" + strings.TrimPrefix(parts[5], "role/") + "/" + name}
	key, token := "ASIA"+c.w.random(16), "token-"+c.w.random(32)
	expires := c.now.Add(time.Duration(seconds) * time.Second)
	c.w.Sessions[key] = session{Identity: who, Token: token, Expires: expires}
	return obj{
		{"Credentials", obj{{"AccessKeyId", key}, {"SecretAccessKey", "secret-" + key}, {"SessionToken", token}, {"Expiration", expires}}},
		{"AssumedRoleUser", obj{{"AssumedRoleId", "AROA:" + name}, {"Arn", who.ARN}}},
	}, nil
}
