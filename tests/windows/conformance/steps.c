/* Steps of several calls, and the documents that checks send. */

#include "hns.h"

#include <stdio.h>
#include <string.h>

static Answer try_make_as(Kind kind, GUID network, GUID id, const char *settings, GUID *made)
{
    Handle parent = NULL, handle = NULL;
    if (kind == ENDPOINT) {
        Answer opened = open_object(NETWORK, network, &parent);
        if (FAILED(opened.code))
            return opened;
    }
    Answer answer = create_object(kind, parent, id, settings, &handle);
    if (parent)
        expect(close_object(NETWORK, parent) == S_OK, "the network's handle cannot be closed");
    if (FAILED(answer.code))
        return answer;
    Answer read = accepted(query_object(kind, handle, IN_VERSION_2), "query what was made");
    *made = guid_of(json_text(read.body, "ID"));
    expect(close_object(kind, handle) == S_OK, "the handle of what was made cannot be closed");
    return answer;
}

Answer try_make(Kind kind, GUID network, const char *settings)
{
    GUID made;
    return try_make_as(kind, network, no_id, settings, &made);
}

GUID make_as(Kind kind, GUID network, GUID id, const char *settings)
{
    GUID made = no_id;
    accepted(try_make_as(kind, network, id, settings, &made), say("create %.300s", settings));
    return made;
}

GUID make(Kind kind, GUID network, const char *settings)
{
    return make_as(kind, network, no_id, settings);
}

void destroy(Kind kind, GUID id)
{
    accepted(delete_object(kind, id), say("delete %s %s", kind_names[kind], text_of(id)));
}

Answer try_change(Kind kind, GUID id, const char *settings)
{
    Handle handle;
    Answer answer = open_object(kind, id, &handle);
    if (FAILED(answer.code))
        return answer;
    answer = modify_object(kind, handle, settings);
    expect(close_object(kind, handle) == S_OK, "the handle of what was modified cannot be closed");
    return answer;
}

void change(Kind kind, GUID id, const char *settings)
{
    accepted(try_change(kind, id, settings), say("modify by %.300s", settings));
}

const Json *shown_as(Kind kind, GUID id, const char *query)
{
    Handle handle;
    accepted(open_object(kind, id, &handle), say("open %s", text_of(id)));
    Answer answer = accepted(query_object(kind, handle, query), "query");
    expect(close_object(kind, handle) == S_OK, "the handle cannot be closed");
    return answer.body;
}

const Json *shown(Kind kind, GUID id)
{
    return shown_as(kind, id, IN_VERSION_2);
}

const Json *in_version_1(const char *path, GUID id)
{
    const char *whole = say("/%s/%s", path, text_of(id));
    return accepted(hns_call("GET", whole, ""), whole).body;
}

size_t counted(Kind kind)
{
    return accepted(enumerate(kind, IN_VERSION_2), "enumerate").body->count;
}

const char *network_of(const char *type, const char *name, const char *subnets)
{
    return say("{'Name':'%s','Type':'%s','Ipams':[{'Type':'Static','Subnets':[%s]}],"
               "'SchemaVersion':{'Major':2,'Minor':0}}",
        name, type, subnets);
}

const char *bridge(void)
{
    return network_of("L2Bridge", "cbr0",
        say("{'IpAddressPrefix':'10.61.3.0/24','Routes':[{'NextHop':'10.61.3.1',"
            "'DestinationPrefix':'0.0.0.0/0'}]},"
            "{'IpAddressPrefix':'fd00:61:3::/64','Routes':[{'NextHop':'fd00:61:3::1',"
            "'DestinationPrefix':'::/0'}]}"));
}

const char *overlay(void)
{
    return network_of("Overlay", "vxlan0",
        say("{'IpAddressPrefix':'10.61.3.0/24','Policies':[{'Type':'VSID','Settings':"
            "{'IsolationId':4096}}],'Routes':[{'NextHop':'10.61.3.1',"
            "'DestinationPrefix':'0.0.0.0/0'}]}"));
}

const char *local_endpoint(void)
{
    return say("{'SchemaVersion':{'Major':2,'Minor':0}}");
}

const char *local_at(const char *address)
{
    return say("{'IpConfigurations':[{'IpAddress':'%s'}],'SchemaVersion':{'Major':2,'Minor':0}}",
        address);
}

/* kube-proxy makes the hardware address of the last four bytes of the address; so does this. */
static const char *hardware_address(const char *address)
{
    unsigned hash = 2166136261u;
    unsigned part[4];
    if (sscanf(address, "%u.%u.%u.%u", &part[0], &part[1], &part[2], &part[3]) == 4)
        return say("02-11-%02x-%02x-%02x-%02x", part[0], part[1], part[2], part[3]);
    for (const char *letter = address; *letter; letter++)
        hash = (hash ^ (unsigned char)*letter) * 16777619u;
    return say("02-11-%02x-%02x-%02x-%02x", hash >> 24, hash >> 16 & 255, hash >> 8 & 255, hash & 255);
}

const char *remote_at(const char *address)
{
    return say("{'IpConfigurations':[{'IpAddress':'%s'}],'MacAddress':'%s','Flags':1,"
               "'SchemaVersion':{'Major':2,'Minor':0}}",
        address, hardware_address(address));
}

const char *remote_through(const char *address, const char *provider)
{
    return say("{'IpConfigurations':[{'IpAddress':'%s'}],'MacAddress':'%s','Flags':1,"
               "'Policies':[{'Type':'ProviderAddress','Settings':{'ProviderAddress':'%s'}}],"
               "'SchemaVersion':{'Major':2,'Minor':0}}",
        address, hardware_address(address), provider);
}

const char *balancer_at(const GUID *endpoints, size_t count, const char *address, int port, int flags)
{
    /* An id with its quotes and the comma takes 39 letters. */
    char *ids = json_keep(count * 39 + 1);
    char *end = ids;
    for (size_t index = 0; index < count; index++)
        end += sprintf(end, "%s\"%s\"", index ? "," : "", text_of(endpoints[index]));
    const char *frontend = *address ? say(",'FrontendVIPs':['%s']", address) : "";
    const char *flagged = flags ? say(",'Flags':%d", flags) : "";
    return say("{'HostComputeEndpoints':[%s]%s%s,'PortMappings':[{'Protocol':6,'InternalPort':8080,"
               "'ExternalPort':%d}],'SchemaVersion':{'Major':2,'Minor':0}}",
        ids, frontend, flagged, port);
}

const char *balancer_of(GUID endpoint)
{
    return balancer_at(&endpoint, 1, "10.96.4.7", 80, 0);
}

const char *acl_request(const char *request)
{
    return say("{'ResourceType':'Policy','RequestType':'%s','Settings':{'Policies':[{'Type':'ACL',"
               "'Settings':{'Protocols':'6','Action':'Allow','Direction':'In','LocalPorts':'80',"
               "'RuleType':'Switch','Priority':200}}]}}",
        request);
}

const char *member_request(const char *request, GUID endpoint)
{
    return say("{'ResourceType':'Endpoint','RequestType':'%s','Settings':{'EndpointId':'%s'}}", request,
        text_of(endpoint));
}
