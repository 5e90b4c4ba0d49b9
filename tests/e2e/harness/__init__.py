"""What the end-to-end tests share. Nothing here uses leasebook's own code: octets are read with struct, built with scapy.

wire       messages, options and bindings, read from octets
queries    queries, built with scapy
requestor  a requestor on a plain socket
acceptor   a TCP server of a test
peer       a server that replays recorded replies, cut up as one likes
kea        what a Kea lease file says, and the recordings
daemon     the binary: commands, and the running server
dissect    tshark
netns      network namespaces
topology   hosts and links made of them
enclosure  a program no one here wrote
dibbler    what Dibbler's three programs share
clients    DHCPv6 clients, an adapter each
relays     DHCPv6 relays, an adapter each
servers    DHCPv6 servers, an adapter each
routers    FRR and BIRD
pages      the examples of the documentation
access     a client's way to the server, with all of these
capture    what passes on a link
edge       a provider's edge in namespaces: server, relay, customers
subscriber a DHCPv6 client of a few lines
teller     a server that tells what a test has it tell
waiting    deadlines
"""
