//! What is around the object: the payment provider, the queues, the books.

use std::collections::BTreeMap;

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
}

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
        let opened = Record { status: Status::Open, amount_minor, late: false };
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
        let unknown = Record { status: Status::Voided, amount_minor: 0, late: false };
        self.records.entry(payment).or_insert(unknown);
        self.change(payment, Status::Open, Status::Voided)
    }

    /// Gives the money back; whether it was.
    pub fn refund(&mut self, payment: Payment) -> bool {
        let known = self.records.contains_key(&payment);
        known
            && self.change(payment, Status::Completed, Status::Refunded).status == Status::Refunded
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
    Refund(Payment),
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
            Self::Void(payment) | Self::Refund(payment) => *payment,
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
