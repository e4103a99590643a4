//! What is around the object: shoppers, the payment provider, the queues, the books.

use std::collections::BTreeMap;

use doorbuster_domain::inventory::ReservationView;
use doorbuster_domain::time::Timestamp;

/// What a visitor was told, and what of it has to be so for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visit {
    /// Asked for, and not answered yet.
    pub asked: Option<u32>,
    /// The first answer to the reservation.
    pub answer: Option<ReservationView>,
    /// Attempts of the payment that were acknowledged.
    pub begun: u32,
    /// What of giving back was acknowledged.
    pub gave: Gave,
    /// Whether the provider was told that the money is taken note of.
    pub noted: bool,
    /// Whether money found the reservation over, and bought it all the same.
    pub came_back: bool,
    /// The first deadline of a reservation that began on the waitlist.
    pub called: Option<Timestamp>,
}

/// What was acknowledged to a visitor who wanted to give back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Gave {
    #[default]
    Nothing,
    /// That the payment is being ended.
    Up,
    /// That the units went back.
    Back,
}

/// A payment: of which visit, and which attempt of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Payment {
    pub visit: usize,
    pub attempt: u32,
}

/// Where a payment stands at the provider, as in `sandbox_payments`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    Open,
    Completed,
    Declined,
    Voided,
    Refunded,
}

/// The provider's record of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    pub status: Status,
    /// Nothing if it was voided before its page was ever there.
    pub amount_minor: u64,
    /// Whether it was completed after the provider had said that it could not be.
    pub late: bool,
    /// How often the money went back.
    pub given_back: u8,
}

/// What was voided before its page was ever there.
const NOTHING: Record =
    Record { status: Status::Voided, amount_minor: 0, late: false, given_back: 0 };

/// What the provider knows. Each method is one statement of `src/payment/sandbox.rs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Provider {
    records: BTreeMap<Payment, Record>,
}

impl Provider {
    /// The record of a payment.
    pub fn record(&self, payment: Payment) -> Option<Record> {
        self.records.get(&payment).copied()
    }

    /// All records.
    pub fn records(&self) -> impl Iterator<Item = (Payment, Record)> + '_ {
        self.records.iter().map(|(payment, record)| (*payment, *record))
    }

    /// Opens the page of a payment, unless there is a record of it.
    pub fn open(&mut self, payment: Payment, amount_minor: u64) {
        let opened = Record { status: Status::Open, amount_minor, ..NOTHING };
        self.records.entry(payment).or_insert(opened);
    }

    /// What is decided on the page: counts only while it is open.
    pub fn decide(&mut self, payment: Payment, status: Status) {
        self.change(payment, Status::Open, status);
    }

    /// Completes what was said to be over.
    pub fn complete_late(&mut self, payment: Payment) {
        if let Some(record) = self.records.get_mut(&payment) {
            (record.status, record.late) = (Status::Completed, true);
        }
    }

    /// Ends a payment, whether or not its page was ever there; the record after that.
    pub fn void(&mut self, payment: Payment) -> Record {
        let unknown = NOTHING;
        self.records.entry(payment).or_insert(unknown);
        self.change(payment, Status::Open, Status::Voided)
    }

    /// Gives the money back; whether it was. A provider with a flaw does it `again`.
    pub fn refund(&mut self, payment: Payment, again: bool) -> bool {
        let Some(record) = self.records.get_mut(&payment) else { return false };
        let repeats = again && record.status == Status::Refunded && record.given_back < 2;
        if record.status == Status::Completed || repeats {
            record.status = Status::Refunded;
            record.given_back += 1;
        }
        record.status == Status::Refunded
    }

    fn change(&mut self, payment: Payment, from: Status, to: Status) -> Record {
        let record = self.records.get_mut(&payment).unwrap();
        if record.status == from {
            record.status = to;
        }
        *record
    }
}

/// An order as it stands in a message and in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order {
    pub payment: Payment,
    pub quantity: u32,
    pub amount_minor: u64,
}

/// What lies in a queue until its consumer has reported back. It comes at least once, in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Order(Order),
    Void(Payment),
    /// With whether the units came back, if it is for a cancelled order.
    Refund(Payment, Option<bool>),
}

/// What is on its way to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// A webhook.
    Completed(Payment),
    /// A webhook.
    Declined(Payment),
    /// What the consumer of a message reports.
    Report(Message, Said),
}

/// How a message was dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Said {
    /// As was asked for.
    Done,
    /// The payment was completed before it could be voided.
    TooLate { amount_minor: u64 },
}

impl Message {
    /// The payment that this is about.
    pub const fn payment(&self) -> Payment {
        match self {
            Self::Order(order) => order.payment,
            Self::Void(payment) | Self::Refund(payment, _) => *payment,
        }
    }
}

impl Word {
    /// The payment that this is about.
    pub const fn payment(&self) -> Payment {
        match self {
            Self::Completed(payment) | Self::Declined(payment) => *payment,
            Self::Report(message, _) => message.payment(),
        }
    }

    /// The message that this reports on.
    pub const fn message(&self) -> Option<Message> {
        match self {
            Self::Report(message, _) => Some(*message),
            Self::Completed(_) | Self::Declined(_) => None,
        }
    }
}
