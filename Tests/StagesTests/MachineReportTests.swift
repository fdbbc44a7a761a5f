import ArtifactStore
import JSON
import SystemPackage
import Testing

@testable import Stages

@Suite struct MachineReportTests {
    private func report(_ library: MachineReport.MatrixLibrary, speed: SpeedTest?) -> MachineReport {
        MachineReport(
            machine: .current, allowedProcessors: "0-1", onlineProcessors: 4, availableMemory: 3 << 30,
            vectorLevel: "x86-64-v3", store: Store("store"), freeSpace: 5 << 30, library: library,
            speed: speed)
    }

    @Test func aMissingLibraryIsAProblemWithACure() throws {
        let report = report(.missing("It isn't there. Install it."), speed: nil)
        #expect(report.problems == ["It isn't there. Install it."])
        #expect(report.text.contains("To be put right first:\n- It isn't there. Install it.\n"))
        let root = try JSONDocument(parsing: Array(report.json().utf8), name: "doctor").root
        #expect(root["blas"]?.isNull == true && root["speed"]?.isNull == true)
        #expect(root["problems"]?.array?.count == 1)
    }

    @Test func textAndJSONSayTheSame() throws {
        let library = NumericsFacts.MatrixLibrary(
            path: "/lib/libopenblas.so.0", configuration: "OpenBLAS 0.3.21 DYNAMIC_ARCH", core: "SkylakeX",
            requestedCore: "SkylakeX", replacedCoreType: "Haswell")
        let speed = SpeedTest(
            threads: 2, limitOfOne: 250, limitOfAll: 500,
            products: [.init(shape: .init(m: 64, n: 256, k: 1024), gigaflops: 125)])
        let report = report(.loaded(library), speed: speed)
        let text = report.text
        for part in [
            "(0-1), 4 in all", "x86-64-v3", "3.0 GiB available", "5.0 GiB free at store",
            "OpenBLAS 0.3.21 DYNAMIC_ARCH",
            "kernels SkylakeX (as asked for; OPENBLAS_CORETYPE=Haswell was replaced",
            "product 64x256x1024", "Nothing is missing.", "Swift \(Version.swift)",
        ] { #expect(text.contains(part), "\(part) in\n\(text)") }
        let row = try #require(text.split(separator: "\n").first { $0.hasPrefix("product") })
        #expect(row.split(separator: " ").suffix(2) == ["125", "25"])
        let root = try JSONDocument(parsing: Array(report.json().utf8), name: "doctor").root
        #expect(root["blas"]?["replacedCoreType"]?.string == "Haswell")
        #expect(root["speed"]?["products"]?.array?.first?["share"]?.double == 0.25)
        #expect(root["availableMemoryBytes"]?.int == 3 << 30 && root["problems"]?.array?.isEmpty == true)
    }

    @Test func thisMachineIsMeasured() throws {
        let report = MachineReport.make(store: Store("/nowhere/at/all"), threads: 1, seconds: 0.01)
        #expect(report.problems == [])
        #expect((report.freeSpace ?? 0) > 0 && (report.availableMemory ?? 0) > 0)
        #expect(report.onlineProcessors >= 1 && !report.vectorLevel.isEmpty)
        let speed = try #require(report.speed)
        #expect(speed.limitOfAll > 0.1 && speed.products.allSatisfy { $0.gigaflops > 0.1 })
        let facts = try NumericsFacts.recorded()
        #expect(facts["blas"]?["path"]?.string?.contains("openblas") == true)
        #expect(facts["kernels"]?.string == report.vectorLevel)
    }
}
