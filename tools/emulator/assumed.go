package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// assumePath is where an emulator is told what a stack's config names.
const assumePath = "/moto-api/assume"

// wishes are what a config names and the account of an emulator can't have: it begins empty.
type wishes struct {
	Region string         `json:"region"`
	Config map[string]any `json:"config"`
}

// text is the value of a key, empty without one.
func (w wishes) text(key string) string {
	value, _ := w.Config[key].(string)
	return value
}

// list are the values of a key.
func (w wishes) list(key string) []string {
	var all []string
	values, _ := w.Config[key].([]any)
	for _, value := range values {
		if text, ok := value.(string); ok {
			all = append(all, text)
		}
	}
	return all
}

// Assume makes up in an emulator what a stack's config names and only a real account has:
// an existing VPC with its subnets, the hosted zones of a domain, a certificate. It returns a line for each thing that was made up now;
// what was before is not made again. A plain moto is left as it is.
func Assume(ctx context.Context, endpoint, region string, config map[string]any) ([]string, error) {
	body, err := json.Marshal(wishes{region, config})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+assumePath, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	direct := http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}, Timeout: time.Minute}
	response, err := direct.Do(request)
	if err != nil {
		return nil, fmt.Errorf("tell the emulator what the config names: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusNotFound:
		return nil, nil
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("make up what the config names: %s", bytes.TrimSpace(answer))
	}
	var told []string
	return told, json.Unmarshal(answer, &told)
}

// assumed is what was made up, and how a config names it where moto has another name for it.
type assumed struct {
	api *api

	making sync.Mutex
	mu     sync.Mutex
	names  map[string]string // moto's, by the config's
	parts  map[string]string // moto's, of what no config names
}

// ServeHTTP makes up what is wished for.
func (a *assumed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.making.Lock()
	defer a.making.Unlock()
	var wanted wishes
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	told := []string{}
	for _, kind := range []func(context.Context, wishes) (string, error){a.network, a.hostedZones, a.certificate} {
		line, err := kind(r.Context(), wanted)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if line != "" {
			told = append(told, line)
		}
	}
	_ = json.NewEncoder(w).Encode(told) // The client may have hung up.
}

// has tells whether something was made up under this name.
func (a *assumed) has(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.names[name]
	return ok
}

// motos is a text of the program's with moto's names in it, and ours the other way round.
func (a *assumed) motos(text []byte) []byte { return a.translate(text, false) }
func (a *assumed) ours(text []byte) []byte  { return a.translate(text, true) }

// translate puts one side's names in the place of the other's. An ID is long enough to occur
// nowhere by chance, and stands in forms as it is or escaped.
func (a *assumed) translate(text []byte, back bool) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	for given, motos := range a.names {
		from, to := given, motos
		if back {
			from, to = to, from
		}
		text = bytes.ReplaceAll(text, []byte(from), []byte(to))
		if escaped := url.QueryEscape(from); escaped != from {
			text = bytes.ReplaceAll(text, []byte(escaped), []byte(url.QueryEscape(to)))
		}
	}
	return text
}

// any tells whether there is anything to translate.
func (a *assumed) any() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.names) > 0
}

// network makes up an existing VPC: a block for each subnet, an internet gateway for those
// that are to be public, a NAT gateway for the others. Which zones they lie in nobody has
// said: those of each list lie in the first zones.
func (a *assumed) network(ctx context.Context, w wishes) (string, error) {
	id := w.text("vpcId")
	if id == "" {
		return "", nil
	}
	n := madeNetwork{assumed: a, ctx: ctx, region: w.Region}
	public, private := w.list("publicSubnetIds"), w.list("privateSubnetIds")
	missing := func(ids []string) bool { return slices.ContainsFunc(ids, func(id string) bool { return !a.has(id) }) }
	if a.has(id) && !missing(public) && !missing(private) {
		return "", nil
	}
	if err := n.make(id, public, private); err != nil {
		return "", fmt.Errorf("the VPC %s: %w", id, err)
	}
	return fmt.Sprintf("the VPC %s is made up in the emulator, with its %d subnets: public ones lead to an internet gateway, private ones to a NAT gateway", id, len(public)+len(private)), nil
}

// madeNetwork is a VPC that is being made up.
type madeNetwork struct {
	*assumed
	ctx    context.Context //nolint:containedctx // that of the request
	region string
	vpc    string
	next   int // block
}

// block is the VPC's, which nobody has said.
const block = "172.31.0.0/16"

func (n *madeNetwork) make(id string, public, private []string) error {
	if err := n.once(n.names, id, &n.vpc, "CreateVpc", "vpc>vpcId", "CidrBlock", block); err != nil {
		return err
	}
	if err := n.do("ModifyVpcAttribute", "VpcId", n.vpc, "EnableDnsHostnames.Value", "true"); err != nil {
		return err
	}
	var gateway, nat, address string
	if err := n.once(n.parts, id+" gateway", &gateway, "CreateInternetGateway", "internetGateway>internetGatewayId"); err != nil {
		return err
	}
	if err := n.do("AttachInternetGateway", "InternetGatewayId", gateway, "VpcId", n.vpc); err != nil && !strings.Contains(err.Error(), "AlreadyAssociated") {
		return err
	}
	if err := n.subnets(public, "GatewayId", gateway); err != nil || len(private) == 0 {
		return err
	}
	if err := n.once(n.parts, id+" address", &address, "AllocateAddress", "allocationId", "Domain", "vpc"); err != nil {
		return err
	}
	n.mu.Lock()
	first := n.names[public[0]]
	n.mu.Unlock()
	if err := n.once(n.parts, id+" nat", &nat, "CreateNatGateway", "natGateway>natGatewayId", "SubnetId", first, "AllocationId", address); err != nil {
		return err
	}
	return n.subnets(private, "NatGatewayId", nat)
}

// subnets makes up subnets whose default routes lead to a target.
func (n *madeNetwork) subnets(ids []string, kind, target string) error {
	for i, id := range ids {
		n.next++
		var subnet, table string
		zone := n.region + string(rune('a'+i))
		if err := n.once(n.names, id, &subnet, "CreateSubnet", "subnet>subnetId", "VpcId", n.vpc, "CidrBlock", fmt.Sprintf("172.31.%d.0/24", n.next), "AvailabilityZone", zone); err != nil {
			return err
		}
		if n.parts[id+" table"] != "" {
			continue
		}
		if err := n.once(n.parts, id+" table", &table, "CreateRouteTable", "routeTable>routeTableId", "VpcId", n.vpc); err != nil {
			return err
		}
		if err := n.do("CreateRoute", "RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0", kind, target); err != nil {
			return err
		}
		if err := n.do("AssociateRouteTable", "RouteTableId", table, "SubnetId", subnet); err != nil {
			return err
		}
	}
	return nil
}

// once makes something unless it was made before, and notes its ID among others.
func (n *madeNetwork) once(among map[string]string, given string, id *string, action, path string, parameters ...string) error {
	n.mu.Lock()
	*id = among[given]
	n.mu.Unlock()
	if *id != "" {
		return nil
	}
	answer, err := n.api.ec2(n.ctx, n.region, action, parameters...)
	if err != nil {
		return err
	}
	if *id = textAt(answer, path); *id == "" {
		return errors.New("the emulator's answer to " + action + " has no ID")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	among[given] = *id
	return nil
}

func (n *madeNetwork) do(action string, parameters ...string) error {
	_, err := n.api.ec2(n.ctx, n.region, action, parameters...)
	return err
}

// textAt is the text of an element, by the names that lead to it.
func textAt(document []byte, path string) string {
	decoder, names, depth := xml.NewDecoder(bytes.NewReader(document)), strings.Split(path, ">"), 0
	for {
		token, err := decoder.Token()
		if err != nil {
			return ""
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth < len(names) && t.Name.Local == names[depth] {
				depth++
			}
		case xml.CharData:
			if depth == len(names) {
				return strings.TrimSpace(string(t))
			}
		}
	}
}
