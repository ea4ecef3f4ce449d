package emulator

import (
	"strings"
	"testing"
)

func TestAVPCThatAConfigNamesIsMadeUpOnceAndHasTheNamesOfTheConfig(t *testing.T) {
	_, mended := both(t)
	config := map[string]any{
		"vpcId":            "vpc-0a1b2c3d4e5f60718",
		"publicSubnetIds":  []any{"subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"},
		"privateSubnetIds": []any{"subnet-0a1b2c3d4e5f60713"},
		"imageTag":         "2.4.65",
	}
	told, err := Assume(t.Context(), mended.url, "us-east-1", config)
	if err != nil || len(told) != 1 || !strings.Contains(told[0], "vpc-0a1b2c3d4e5f60718 is made up") {
		t.Fatalf("it is told %q, %v", told, err)
	}
	for _, c := range []struct {
		action, key, id string
		want            []string
	}{
		{"DescribeVpcs", "VpcId.1", "vpc-0a1b2c3d4e5f60718", []string{"<vpcId>vpc-0a1b2c3d4e5f60718</vpcId>"}},
		{"DescribeSubnets", "SubnetId.1", "subnet-0a1b2c3d4e5f60712", []string{"<vpcId>vpc-0a1b2c3d4e5f60718</vpcId>", "<subnetId>subnet-0a1b2c3d4e5f60712</subnetId>", "us-east-1b"}},
	} {
		if status, answer := mended.ec2(c.action, c.key, c.id); status != 200 || !containsAll(answer, c.want) {
			t.Errorf("%s of %s is %d and has not %q:\n%s", c.action, c.id, status, c.want, answer)
		}
	}
	for subnet, target := range map[string]string{"subnet-0a1b2c3d4e5f60711": "<gatewayId>igw-", "subnet-0a1b2c3d4e5f60713": "<natGatewayId>nat-"} {
		_, answer := mended.ec2("DescribeRouteTables", "Filter.1.Name", "association.subnet-id", "Filter.1.Value.1", subnet)
		if !containsAll(answer, []string{target, subnet}) {
			t.Errorf("the routes of %s do not lead to %s:\n%s", subnet, target, answer)
		}
	}
	if told, err := Assume(t.Context(), mended.url, "us-east-1", config); err != nil || len(told) > 0 {
		t.Errorf("what is there is made up again: %q, %v", told, err)
	}
	config["privateSubnetIds"] = []any{"subnet-0a1b2c3d4e5f60713", "subnet-0a1b2c3d4e5f60714"}
	if told, err := Assume(t.Context(), mended.url, "us-east-1", config); err != nil || len(told) != 1 {
		t.Errorf("a subnet that the config names since is not made up: %q, %v", told, err)
	}
	if told, err := Assume(t.Context(), mended.url, "us-east-1", map[string]any{"imageTag": "1"}); err != nil || len(told) > 0 {
		t.Errorf("something is made up that no config names: %q, %v", told, err)
	}
}

func TestANATGatewayThatIsDeletedTakesItsInterfaceWithIt(t *testing.T) {
	plain, mended := both(t)
	for name, c := range map[string]client{"plain": plain, "mended": mended} {
		_, answer := c.ec2("DescribeSubnets")
		subnet := textAt([]byte(answer), "subnetSet>item>subnetId")
		_, answer = c.ec2("AllocateAddress", "Domain", "vpc")
		_, answer = c.ec2("CreateNatGateway", "SubnetId", subnet, "AllocationId", textAt([]byte(answer), "allocationId"))
		c.ec2("DeleteNatGateway", "NatGatewayId", textAt([]byte(answer), "natGateway>natGatewayId"))
		_, answer = c.ec2("DescribeNetworkInterfaces")
		if left := textAt([]byte(answer), "networkInterfaceSet>item>networkInterfaceId"); left != "" && name == "mended" {
			t.Errorf("the interface %s stays behind, and its subnet can't be deleted", left)
		} else if left == "" && name == "plain" {
			t.Error("moto has learned to delete a NAT gateway's interface: the proxy need not any more")
		}
		// Both see one moto: what the first left is taken away.
		for id := textAt([]byte(answer), "networkInterfaceSet>item>networkInterfaceId"); id != ""; id = "" {
			c.ec2("DeleteNetworkInterface", "NetworkInterfaceId", id)
		}
	}
}

func TestAnEndpointIsDeletedAlsoIfRouteTablesWereAddedLater(t *testing.T) {
	_, c := both(t)
	_, answer := c.ec2("CreateVpc", "CidrBlock", "10.9.0.0/16")
	vpc := textAt([]byte(answer), "vpc>vpcId")
	_, answer = c.ec2("CreateRouteTable", "VpcId", vpc)
	table := textAt([]byte(answer), "routeTable>routeTableId")
	_, answer = c.ec2("CreateVpcEndpoint", "VpcId", vpc, "ServiceName", "com.amazonaws.us-east-1.s3", "VpcEndpointType", "Gateway")
	endpoint := textAt([]byte(answer), "vpcEndpoint>vpcEndpointId")
	c.ec2("ModifyVpcEndpoint", "VpcEndpointId", endpoint, "AddRouteTableId.1", table)
	if status, answer := c.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", endpoint); status != 200 {
		t.Errorf("a destroy after the network has grown fails with %d: %s", status, answer)
	}
}

func TestAPlainMotoIsLeftAsItIs(t *testing.T) {
	plain, _ := both(t)
	if told, err := Assume(t.Context(), plain.url, "us-east-1", map[string]any{"vpcId": "vpc-1"}); err != nil || len(told) > 0 {
		t.Errorf("it is told %q, %v", told, err)
	}
}

func containsAll(text string, all []string) bool {
	for _, one := range all {
		if !strings.Contains(text, one) {
			return false
		}
	}
	return true
}

func TestTheZoneAndTheCertificateOfADomainAreMadeUpOnce(t *testing.T) {
	_, mended := both(t)
	const arn = "arn:aws:acm:us-east-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef"
	config := map[string]any{"domain": "app.example.com", "additionalDomains": []any{"*.app.example.com", "example.org"}, "certificateArn": arn}
	told, err := Assume(t.Context(), mended.url, "us-east-1", config)
	if err != nil || len(told) != 2 || !strings.Contains(told[0], "example.com and example.org") || !strings.Contains(told[1], arn) {
		t.Fatalf("it is told %q, %v", told, err)
	}
	status, text := mended.send("X-Amz-Target", "CertificateManager.DescribeCertificate", "acm", []byte(`{"CertificateArn": "`+arn+`"}`))
	if status != 200 || !containsAll(string(text), []string{arn, "app.example.com"}) {
		t.Errorf("the certificate is %d: %s", status, text)
	}
	if told, err := Assume(t.Context(), mended.url, "us-east-1", config); err != nil || len(told) > 0 {
		t.Errorf("what is there is made up again: %q, %v", told, err)
	}
	if told, err := Assume(t.Context(), mended.url, "us-east-1", map[string]any{"domain": "app.example.net", "dns": "elsewhere"}); err != nil || len(told) > 0 {
		t.Errorf("a zone is made up that is elsewhere: %q, %v", told, err)
	}
	told, err = Assume(t.Context(), mended.url, "us-east-1", map[string]any{"domain": "app.example.info", "hostedZoneId": "Z0123456789ABCDEFGHIJ"})
	if err != nil || len(told) != 1 {
		t.Errorf("the zone that is given by its ID is not made up: %q, %v", told, err)
	}
}
