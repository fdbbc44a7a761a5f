import Measures
import Testing

struct ClaimTests {
    private func verdict(
        _ relation: Claim.Relation, _ left: Measurement?, _ right: Measurement?
    ) -> Claim.Verdict {
        let claim = Claim(
            name: "left-wins", statement: "Left beats right.", left: .measured("left"), relation: relation,
            right: .measured("right"))
        var measurements: [String: Measurement] = [:]
        measurements["left"] = left
        measurements["right"] = right
        return claim.verdict(given: measurements)
    }

    @Test func exactOrderings() {
        #expect(verdict(.greater(margin: 0), Measurement(5), Measurement(4)) == .holds)
        #expect(verdict(.greater(margin: 1), Measurement(5), Measurement(4)) == .doesNotHold)
        #expect(verdict(.greater(margin: 0), Measurement(4), Measurement(4)) == .doesNotHold)
        #expect(verdict(.times(factor: 2), Measurement(9), Measurement(4)) == .holds)
        #expect(verdict(.times(factor: 2), Measurement(8), Measurement(4)) == .doesNotHold)
    }

    @Test func overlappingIntervalsDecideNothing() {
        let (low, high) = (Measurement(90, interval: 85...94), Measurement(95, interval: 93...97))
        #expect(verdict(.greater(margin: 0), high, low) == .open)
        #expect(verdict(.greater(margin: 0), low, high) == .open)
    }

    @Test func separateIntervalsDecide() {
        let (low, high) = (Measurement(80, interval: 75...84), Measurement(95, interval: 93...97))
        #expect(verdict(.greater(margin: 0), high, low) == .holds)
        #expect(verdict(.greater(margin: 0), low, high) == .doesNotHold)
        // With the margin the bar is 85...94, which reaches into 93...97.
        #expect(verdict(.greater(margin: 10), high, low) == .open)
        #expect(verdict(.greater(margin: 30), high, low) == .doesNotHold)
    }

    @Test func nearness() {
        let published = Measurement(73.1)
        #expect(verdict(.near(tolerance: 1), Measurement(72.5), published) == .holds)
        #expect(verdict(.near(tolerance: 1), Measurement(70), published) == .doesNotHold)
        #expect(verdict(.near(tolerance: 1), Measurement(70, interval: 66...74), published) == .open)
        #expect(verdict(.near(tolerance: 0), published, published) == .holds)
    }

    @Test func whatWasNotMeasuredIsNotRun() {
        #expect(verdict(.greater(margin: 0), nil, Measurement(1)) == .notRun)
        #expect(verdict(.greater(margin: 0), Measurement(.nan), Measurement(1)) == .notRun)
        #expect(verdict(.times(factor: .infinity), Measurement(1), Measurement(0)) == .notRun)
    }

    @Test func constantsNeedNoMeasurement() {
        let claim = Claim(
            name: "five", statement: "At least five tokens per forward.", left: .measured("tpf"),
            relation: .greater(margin: 0), right: .constant(5))
        #expect(claim.verdict(given: ["tpf": Measurement(5.5)]) == .holds)
        #expect(Claim.Verdict(recorded: "within noise") == .open)
    }
}
