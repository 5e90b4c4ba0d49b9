"""What the end-to-end tests share. Nothing here uses leasebook's own code: octets are read with struct, built with scapy.

wire       messages, options and bindings, read from octets
queries    queries, built with scapy
requestor  a requestor on a plain socket
peer       a server that replays recorded replies, cut up as one likes
kea        what a Kea lease file says, and the recordings
daemon     the binary: commands, and the running server
dissect    tshark
netns      network namespaces
waiting    deadlines
"""
