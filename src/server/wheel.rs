//! The wheel: who may command, and how it goes from one to another. Each change of hands is in the journal.

use jiff::Timestamp;

use super::shared::Shared;
use crate::domain::Failure;
use crate::domain::saying::Saying;
use crate::domain::seat::Taking;
use crate::protocol::client::Me;

impl Shared {
    /// Refuses whoever is not the driver, on whichever terminal. Enough for a stop: it is the safe way, and the
    /// terminal that has the wheel may hang on a connection that is dead and not known to be, while tenants wait.
    pub(super) fn is_the_driver(&self, me: &Me) -> Result<(), Failure> {
        match self.handle.state().seat.driver {
            None => Err(Failure::refused("nobody drives").next("take the wheel first")),
            Some(driver) if driver.name != me.name => {
                Err(Failure::refused(format!("{} drives", driver.name)).next("watch, or ask for the wheel"))
            }
            Some(_) => Ok(()),
        }
    }

    /// Refuses a client that does not drive. The driver's own name on a new client, where the old one is gone, is
    /// the driver who came back.
    pub(super) fn drives(&self, me: &Me) -> Result<(), Failure> {
        self.is_the_driver(me)?;
        let now = Timestamp::now();
        let mut people = self.people();
        match people.wheel(now) {
            Some(client) if client != me.client => Err(Failure::refused("you drive from another terminal")
                .next("go on there, or take the wheel over to this one")),
            Some(_) => Ok(()),
            None => {
                people.give_wheel(Some(&me.client));
                Ok(())
            }
        }
    }

    /// Takes the wheel, if it is free, offered, or its driver is gone; but for the first, the taker has typed the
    /// current step.
    pub(super) fn take_wheel(&self, me: &Me, typed: &str, why: &str) -> Result<(), Failure> {
        let current = self.view().current.map(|step| step.to_string()).unwrap_or_default();
        let now = Timestamp::now();
        // Held until it is recorded, so that two who reach for it do not both have it.
        let mut people = self.people();
        let driver = self.handle.state().seat.driver;
        let knows = || {
            if typed.trim() == current {
                return Ok(());
            }
            let next =
                if current.is_empty() { "type nothing: no step is left".to_owned() } else { format!("type {current}") };
            Err(Failure::refused(format!("`{typed}` is not the current step"))
                .because("who takes the wheel has read where the run stands")
                .next(next))
        };
        let how = match &driver {
            Some(driver) if driver.name == me.name => {
                // The same person: no change of hands, and no event.
                if people.wheel(now).is_some_and(|client| client != me.client) {
                    knows()?;
                }
                people.give_wheel(Some(&me.client));
                return Ok(());
            }
            Some(_) if people.offered(&me.client, now).is_some() => Taking::HandedOver,
            Some(_) if people.driver_is_silent(now) => Taking::Silent,
            None | Some(_) => Taking::Free,
        };
        if how != Taking::Free {
            knows()?;
        }
        let asked = people.offered(&me.client, now).map(|asking| asking.why.clone());
        let why = if why.trim().is_empty() { asked.unwrap_or_default() } else { why.trim().to_owned() };
        // The machine refuses what is taken as free and is not.
        self.handle.say(Saying::TakeWheel { by: me.name.clone(), how, why })?;
        people.give_wheel(Some(&me.client));
        Ok(())
    }

    /// Offers the wheel to the one who asks for it.
    pub(super) fn hand_over(&self, to: &str) -> Result<(), Failure> {
        if self.people().offer(to, Timestamp::now()) {
            return Ok(());
        }
        Err(Failure::refused(format!("{to} does not ask for the wheel")))
    }

    /// Lets the wheel go.
    pub(super) fn release_wheel(&self, me: &Me) -> Result<(), Failure> {
        self.handle.say(Saying::ReleaseWheel { by: me.name.clone() })?;
        self.people().give_wheel(None);
        Ok(())
    }
}
