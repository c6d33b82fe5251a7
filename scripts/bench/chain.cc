/* A chain of links in ns-3: one flow from end to end. Built and run by ns3.py.

   chain KIND HOPS SECONDS RATE_MBPS DELAY_MS QUEUE_PACKETS SIZE_BYTES INTERVAL_US
   KIND: udp, SIZE_BYTES every INTERVAL_US; tcp, as fast as it goes. Prints the bytes that arrived.

   SPDX-License-Identifier: GPL-2.0-or-later */

#include "ns3/applications-module.h"
#include "ns3/core-module.h"
#include "ns3/internet-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"
#include "ns3/traffic-control-module.h"

#include <iostream>
#include <string>

using namespace ns3;

namespace {

const uint16_t PORT = 5201;
uint64_t arrived = 0;

void Arrived(Ptr<const Packet> packet, const Address&) {
    arrived += packet->GetSize();
}

} // namespace

int main(int argc, char* argv[]) {
    if (argc != 9) {
        return 2;
    }
    const std::string kind = argv[1];
    const int hops = std::stoi(argv[2]);
    const double seconds = std::stod(argv[3]);
    const uint32_t size = std::stoul(argv[7]);

    // As Linux has it: CUBIC, SACK, time stamps, windows of several megabytes.
    Config::SetDefault("ns3::TcpL4Protocol::SocketType", StringValue("ns3::TcpCubic"));
    Config::SetDefault("ns3::TcpSocket::SegmentSize", UintegerValue(1448));
    Config::SetDefault("ns3::TcpSocket::SndBufSize", UintegerValue(4 << 20));
    Config::SetDefault("ns3::TcpSocket::RcvBufSize", UintegerValue(6 << 20));
    Config::SetDefault("ns3::TcpSocket::InitialCwnd", UintegerValue(10));

    NodeContainer nodes;
    nodes.Create(hops + 1);
    InternetStackHelper stack;
    stack.SetIpv6StackInstall(false);
    stack.Install(nodes);
    PointToPointHelper line;
    line.SetDeviceAttribute("DataRate", StringValue(std::string(argv[4]) + "Mbps"));
    line.SetChannelAttribute("Delay", StringValue(std::string(argv[5]) + "ms"));
    line.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", StringValue(std::string(argv[6]) + "p"));
    Ipv4AddressHelper addresses("10.0.0.0", "255.255.255.252");
    TrafficControlHelper control;
    Ipv4InterfaceContainer last;
    for (int hop = 0; hop < hops; hop++) {
        NetDeviceContainer ends = line.Install(nodes.Get(hop), nodes.Get(hop + 1));
        last = addresses.Assign(ends);
        control.Uninstall(ends); // a queue is enough
        addresses.NewNetwork();
    }
    Ipv4GlobalRoutingHelper::PopulateRoutingTables();

    const std::string factory = kind == "tcp" ? "ns3::TcpSocketFactory" : "ns3::UdpSocketFactory";
    PacketSinkHelper sink(factory, InetSocketAddress(Ipv4Address::GetAny(), PORT));
    ApplicationContainer receiver = sink.Install(nodes.Get(hops));
    receiver.Get(0)->TraceConnectWithoutContext("Rx", MakeCallback(&Arrived));
    ApplicationContainer sender;
    if (kind == "tcp") {
        BulkSendHelper bulk(factory, InetSocketAddress(last.GetAddress(1), PORT));
        bulk.SetAttribute("SendSize", UintegerValue(1 << 17));
        sender = bulk.Install(nodes.Get(0));
    } else {
        UdpClientHelper stream(last.GetAddress(1), PORT);
        stream.SetAttribute("Interval", TimeValue(MicroSeconds(std::stoul(argv[8]))));
        stream.SetAttribute("PacketSize", UintegerValue(size));
        stream.SetAttribute("MaxPackets", UintegerValue(UINT32_MAX));
        sender = stream.Install(nodes.Get(0));
    }
    sender.Stop(Seconds(seconds));
    Simulator::Stop(Seconds(seconds + 1));
    Simulator::Run();
    std::cout << arrived << std::endl;
    Simulator::Destroy();
    return 0;
}
