package probe

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// A Host says where HTTP probes may go: a name, all names below a domain, an
// address or a range of addresses, each with a port or with any.
type Host struct {
	name   string // lower case; with a leading dot for all below it
	prefix netip.Prefix
	port   string // empty for any
}

// ParseHost reads *.example.com, example.com:8443, 10.1.2.3, [::1]:80 or
// 10.0.0.0/8. "*" is every name.
func ParseHost(text string) (Host, error) {
	const want = "want a name, *.DOMAIN, an address or a range such as 10.0.0.0/8, with or without :PORT"
	var h Host
	rest := text
	if i := strings.LastIndexByte(text, ':'); i >= 0 && (strings.Count(text, ":") == 1 || strings.HasPrefix(text, "[")) && !strings.HasSuffix(text, "]") {
		rest, h.port = text[:i], text[i+1:]
		if n, err := strconv.ParseUint(h.port, 10, 16); err != nil || n == 0 {
			return h, fmt.Errorf("%q: the port is no number from 1 to 65535; %s", text, want)
		}
	}
	rest = strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]")
	if prefix, err := netip.ParsePrefix(rest); err == nil {
		h.prefix = prefix.Masked()
		return h, nil
	}
	if addr, err := netip.ParseAddr(rest); err == nil && addr.Zone() == "" {
		h.prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		return h, nil
	}
	name := strings.ToLower(rest)
	if name == "*" {
		h.name = "."
		return h, nil
	}
	if below, ok := strings.CutPrefix(name, "*."); ok {
		h.name, name = "."+below, below
	} else {
		h.name = name
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return h, fmt.Errorf("%q is no host; %s", text, want)
		}
	}
	return h, nil
}

// names tells whether h allows a name; addresses alone do not.
func (h Host) names(name, port string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	switch {
	case h.name == "" || h.port != "" && port != "" && h.port != port:
		return false
	case strings.HasPrefix(h.name, "."):
		return h.name == "." || strings.HasSuffix(name, h.name)
	}
	return name == h.name
}

// holds tells whether h names an address.
func (h Host) holds(addr netip.Addr, port string) bool {
	return h.name == "" && (h.port == "" || h.port == port) && h.prefix.Contains(addr)
}

// metadata are addresses beside the link-local ones at which clouds tell a machine
// its secrets.
var metadata = []netip.Prefix{
	netip.MustParsePrefix("fd00:ec2::/32"),      // Amazon
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// inner says why an address is not one that templates may ask; empty when it is.
func inner(addr netip.Addr) string {
	addr = addr.Unmap()
	if nat64.Contains(addr) {
		b := addr.As16()
		addr = netip.AddrFrom4([4]byte(b[12:]))
	}
	switch {
	case addr.IsLoopback():
		return "is this machine"
	case addr.IsLinkLocalUnicast():
		return "is link-local, where clouds tell machines their secrets"
	case addr.IsUnspecified(), addr.IsMulticast(), !addr.IsValid():
		return "is no address of one machine"
	}
	for _, p := range metadata {
		if p.Contains(addr) {
			return "is where a cloud tells machines their secrets"
		}
	}
	return ""
}
